// How something sounded, fetched when somebody wants to hear it.

import { blob } from "../http.js";
import { Icon } from "../icons.js";
import { said } from "../sign_in.js";
import { html, useEffect, useRef, useState } from "../view.js";
import { t } from "../words.js";
import { doorOf } from "./listed.js";

/** @param {{conversation: string, item: string}} props */
export function Clip({ conversation, item }) {
  const [url, setUrl] = useState("");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState(/** @type {unknown} */ (""));
  const sound = useRef(/** @type {HTMLAudioElement | null} */ (null));
  const gone = useRef(false);
  useEffect(() => {
    gone.current = false;
    sound.current?.focus();
    return () => {
      gone.current = true;
      if (url) URL.revokeObjectURL(url);
    };
  }, [url]);
  const fetchIt = async () => {
    setBusy(true);
    setWrong("");
    try {
      const found = await blob(`${doorOf(conversation)}/items/${encodeURIComponent(item)}/audio`);
      if (!gone.current) setUrl(URL.createObjectURL(found));
    } catch (error) {
      setWrong(said(error));
    } finally {
      setBusy(false);
    }
  };
  if (url) {
    return html`<audio ref=${sound} controls autoplay src=${url} aria-label=${t("history.sound")}
      onError=${() => setWrong(t("history.unplayable"))}></audio>${wrong && html`<p role="alert" class="wrong small">${wrong}</p>`}`;
  }
  return html`<button class="plain small" onClick=${fetchIt} disabled=${busy}><${Icon} name="play" />${t("history.play")}</button>
    <span role="alert" class="wrong small">${wrong}</span>`;
}
