// A conversation with the box: what the user does, and what becomes of it. The views look at its signals.

import { Player } from "../audio/player.js";
import * as kept from "../kept.js";
import { batch, computed, effect, signal } from "../view.js";
import { may, who } from "../who.js";
import { Asking } from "./asking.js";
import { Clock } from "./clock.js";
import { Ear } from "./ear.js";
import { Line } from "./line.js";
import { Measured } from "./measured.js";
import { Reply } from "./reply.js";
import { configuration } from "./session.js";
import { after } from "./utterances.js";

/** An open line costs the box a place: it is hung up when nobody has used it for so long. */
const IDLE_MS = 600_000;
const MOST_EVENTS = 400;
/** Errors that only say that there was nothing to stop, to take or to forget, or that something has to wait. */
const HARMLESS = new Set(["response_cancel_not_active", "response_active", "audio_buffer_empty", "not_found"]);

/** After these the key has to be shown again. */
const STRANGER = new Set(["invalid_api_key", "missing_api_key"]);

/** @typedef {import("./utterances.js").Utterances} Utterances */
/** @typedef {{code: string, message: string} | null} Fault */
/** @typedef {"idle" | "connecting" | "listening" | "hearing" | "thinking" | "speaking" | "lost"} Status */

/** @param {string} kind */
const newId = (kind) => `${kind}_${crypto.getRandomValues(new Uint32Array(4)).join("").slice(0, 24)}`;

export class Talk {
  constructor() {
    this.conversation = signal(newId("conv"));
    this.utterances = signal(/** @type {Utterances} */ ([]));
    this.fault = signal(/** @type {Fault} */ (null));
    /** For developers: what passed, newest last. */
    this.events = signal(/** @type {readonly {number: number, out: boolean, at: number, event: LiveEvent}[]} */ ([]));
    this.noted = 0;
    this.player = new Player();
    this.player.onFault = () => this.wrong("microphone_outdated");
    this.line = new Line(
      () => this.address(),
      (event) => this.hear(event),
      (error) => this.refused(error),
    );
    const send = (/** @type {LiveEvent} */ event) => this.send(event);
    const clock = new Clock();
    this.clock = clock;
    this.measured = new Measured(clock, this.player, this.line);
    this.reply = new Reply(this.player, send);
    this.asking = new Asking(this.line, clock, this.reply, send);
    this.ear = new Ear(
      this.asking,
      () => this.open(),
      (code) => this.wrong(code),
    );
    /** @type {number | undefined} */
    this.idle = undefined;
    this.status = computed(() => this.currentStatus());
    effect(() => {
      for (const choice of [kept.voice, kept.assistant, kept.spokenLanguage, kept.handsFree, kept.aloud]) choice.value;
      if (this.line.state.peek() === "open") this.configure();
    });
    effect(() => {
      if (this.line.state.value !== "open") this.asking.lost();
    });
    document.addEventListener("visibilitychange", () => this.player.wake());
  }

  /** @returns {Status} */
  currentStatus() {
    const line = this.line.state.value;
    if (line === "lost") return "lost";
    if (this.ear.holding.value || this.asking.hearing.value) return "hearing";
    if (this.reply.speaking.value) return "speaking";
    if (this.reply.owed.value) return "thinking";
    if (line === "connecting") return "connecting";
    return this.ear.listening.value ? "listening" : "idle";
  }

  address() {
    const url = new URL("/v1/realtime", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = new URLSearchParams({ model: kept.assistant.peek(), timings: "1", captions: "1" }).toString();
    if (may("history")) {
      url.searchParams.set("conversation", this.conversation.peek());
      url.searchParams.set("takeover", "1");
    }
    return url.href;
  }

  // What the user does

  press() {
    this.interrupt();
    this.ear.press();
  }

  release() {
    this.player.wake(); // a finger that is lifted is the first thing that a phone plays for
    this.ear.release();
  }

  /** Be silent: whatever is said, or about to be. */
  interrupt() {
    this.asking.awaitsWords = false;
    this.reply.interrupt();
  }

  /** @param {string} text */
  type(text) {
    this.interrupt();
    this.fault.value = null;
    if (kept.aloud.peek()) this.player.open();
    const item = { type: "message", id: newId("item"), role: "user", content: [{ type: "input_text", text }] };
    this.utterances.value = after(this.utterances.peek(), { type: "conversation.item.added", item });
    this.line.call();
    this.stay();
    this.asking.type(item);
  }

  /** Go on with a conversation, or begin a new one. @param {string} [conversation] */
  change(conversation = newId("conv")) {
    const listens = this.ear.wanted;
    this.hangUp();
    batch(() => {
      this.conversation.value = conversation;
      this.utterances.value = [];
      this.events.value = [];
      this.fault.value = null;
    });
    this.measured.forget();
    if (listens) this.ear.listen(true);
  }

  /** Go on with one of which it is known what was said: that is seen at once, and told again when the line is there.
   * @param {string} conversation @param {Utterances} said */
  goOn(conversation, said) {
    if (conversation === this.conversation.peek()) return;
    this.change(conversation);
    this.utterances.value = said;
  }

  /** Nobody is there any more. */
  leave() {
    this.ear.listen(false);
    this.change();
  }

  hangUp() {
    this.interrupt();
    this.ear.listen(false);
    this.line.hangUp();
    this.asking.forget();
    this.reply.forget();
  }

  /** Somebody is about to speak. */
  open() {
    this.fault.value = null;
    this.player.open();
    this.line.call();
    this.stay();
  }

  // What passes

  /** @param {string} code */
  wrong(code) {
    this.fault.value = { code, message: "" };
  }

  /** @param {LiveEvent} event */
  send(event) {
    if (this.line.send(event)) this.note(event, true);
  }

  configure() {
    this.send({ type: "session.update", session: { ...configuration(), model: kept.assistant.peek() } });
  }

  /** @param {LiveEvent} event */
  hear(event) {
    this.note(event, false);
    this.utterances.value = after(this.utterances.peek(), event);
    this.reply.hear(event);
    this.measured.hear(event);
    this.asking.hear(event);
    if (event.type === "session.created") this.begin();
    else if (event.type === "session.updated" && !this.asking.ready) this.asking.resume(this.utterances.peek());
    else if (event.type === "error") this.told(event.error);
    else if (event.type === "response.done") this.answered(event.response);
    else if (event.type === "input_audio_buffer.committed") this.stay();
  }

  /** A connection begins: all that was said is told anew, and what it does not tell of is not so. */
  begin() {
    this.clock.reset();
    const mine = this.asking.typed;
    const whole = this.utterances.peek().filter((each) => each.state !== "partial" || mine.has(each.id));
    const again = may("history") ? whole : whole.filter((each) => mine.has(each.id));
    if (again.length < whole.length) this.wrong("begins_anew"); // a key that may not go on from what was said
    this.utterances.value = again;
    this.configure();
  }

  /** @param {LiveEvent} response */
  answered(response) {
    this.stay();
    const shown = this.utterances.peek().some((each) => each.responseId === response.id);
    if (response.status === "failed" && !shown) this.fault.value = response.status_details?.error ?? null;
  }

  /** @param {{code: string, message: string}} error */
  told(error) {
    if (error.code === "session_moved") return; // the line knows whether that is the end
    this.unchoose(error.code);
    if (!this.asking.repeats) this.reply.forgive();
    if (!HARMLESS.has(error.code)) this.fault.value = error;
  }

  /** The box ends the conversation. @param {{code: string, message: string}} error */
  refused(error) {
    this.unchoose(error.code);
    if (STRANGER.has(error.code)) who.value = null;
    this.fault.value = error;
    const lost = (/** @type {Utterance} */ each) => ({
      ...each,
      state: /** @type {"done"} */ ("done"),
      failed: error.code,
    });
    this.utterances.value = this.utterances.peek().map((each) => (each.state === "partial" ? lost(each) : each));
    this.asking.forget();
    this.reply.forget();
    this.ear.listen(false);
  }

  /** What was chosen once may be gone since. @param {string} code */
  unchoose(code) {
    if (code === "model_not_found") kept.assistant.value = "default";
    if (code === "voice_not_found") kept.voice.value = "";
  }

  /** @param {LiveEvent} event @param {boolean} out */
  note(event, out) {
    if (!kept.developer.peek() || event.type.endsWith("audio.delta")) return;
    const noted = { number: ++this.noted, out, at: performance.now(), event };
    this.events.value = [...this.events.peek().slice(1 - MOST_EVENTS), noted];
  }

  /** The line is used: it is hung up when it has not been for long, and nothing is owed. */
  stay() {
    clearTimeout(this.idle);
    const used = () => this.ear.wanted || this.ear.holding.peek() || this.reply.owed.peek() || this.asking.waits;
    this.idle = setTimeout(() => (used() ? this.stay() : this.line.hangUp()), IDLE_MS);
  }
}
