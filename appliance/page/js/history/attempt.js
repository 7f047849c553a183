// Something that may be refused, tried once at a time.

import { said } from "../sign_in.js";
import { useState } from "../view.js";

export function useAttempt() {
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState(/** @type {unknown} */ (""));
  const attempt = async (/** @type {() => Promise<void>} */ task) => {
    setBusy(true);
    setWrong("");
    try {
      await task();
    } catch (error) {
      setWrong(said(error));
    } finally {
      setBusy(false);
    }
  };
  return { busy, wrong, attempt };
}
