// While the box listens by itself the screen stays on: a phone that locks itself would end the conversation.

/** @type {WakeLockSentinel | null} */
let lock = null;
let wanted = false;

async function hold() {
  if (!wanted || lock || document.hidden) return;
  try {
    lock = (await navigator.wakeLock?.request("screen")) ?? null;
    lock?.addEventListener("release", () => {
      lock = null;
    });
    if (!wanted) lock?.release();
  } catch {
    // The browser does not want to, such as with an empty battery.
  }
}

document.addEventListener("visibilitychange", hold);

/** @param {boolean} on */
export function stayAwake(on) {
  wanted = on;
  if (on) hold();
  else lock?.release();
}
