// A conversation with the box: what the user does, and what becomes of it. The views look at its signals.

import { Microphone, NoMicrophone } from "../audio/microphone.js";
import { Player } from "../audio/player.js";
import * as kept from "../kept.js";
import { batch, computed, effect, signal } from "../view.js";
import { may } from "../who.js";
import { Asking } from "./asking.js";
import { Clock } from "./clock.js";
import { Line } from "./line.js";
import { Measured } from "./measured.js";
import { Reply } from "./reply.js";
import { configuration } from "./session.js";
import { after } from "./utterances.js";

/** An open line costs the box a place: it is hung up when nobody has used it for so long. */
const IDLE_MS = 600_000;
/** The microphone is kept from one press to the next, as it takes a moment to be had, and given back after so long. */
const HELD_MS = 20_000;
const MOST_EVENTS = 400;
/** Errors that only say that there was nothing to stop, to take or to forget. */
const HARMLESS = new Set(["response_cancel_not_active", "audio_buffer_empty", "not_found"]);

/** @typedef {import("./utterances.js").Utterances} Utterances */
/** @typedef {{code: string, message: string} | null} Fault */
/** @typedef {"idle" | "connecting" | "listening" | "hearing" | "thinking" | "speaking" | "lost"} Status */

/** @param {string} kind */
const newId = (kind) => `${kind}_${crypto.getRandomValues(new Uint32Array(4)).join("").slice(0, 24)}`;

export class Talk {
  constructor() {
    this.conversation = signal(newId("conv"));
    this.utterances = signal(/** @type {Utterances} */ ([]));
    /** Whether the button is held, and whether the box listens by itself. */
    this.holding = signal(false);
    this.listening = signal(false);
    /** Whether it is to listen by itself, which takes a moment to begin. */
    this.wanted = false;
    this.level = signal(0);
    this.fault = signal(/** @type {Fault} */ (null));
    /** For developers: what passed, newest last. */
    this.events = signal(/** @type {readonly {out: boolean, at: number, event: LiveEvent}[]} */ ([]));
    this.player = new Player();
    this.microphone = new Microphone((piece) => this.take(piece));
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
    /** @type {number | undefined} */
    this.idle = undefined;
    /** @type {number | undefined} */
    this.unheld = undefined;
    this.status = computed(() => this.currentStatus());
    effect(() => {
      for (const choice of [kept.voice, kept.assistant, kept.spokenLanguage, kept.handsFree, kept.aloud]) choice.value;
      if (this.line.state.peek() === "open") this.configure();
    });
    effect(() => {
      if (this.line.state.value !== "open") this.asking.lost();
    });
  }

  /** @returns {Status} */
  currentStatus() {
    const line = this.line.state.value;
    if (line === "lost") return "lost";
    if (this.holding.value || this.asking.hearing.value) return "hearing";
    if (this.reply.speaking.value) return "speaking";
    if (this.reply.owed.value) return "thinking";
    if (line === "connecting") return "connecting";
    return this.listening.value ? "listening" : "idle";
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

  /** The button is pressed: listen as long as it is held. */
  async press() {
    if (this.holding.peek()) return;
    this.holding.value = true;
    clearTimeout(this.unheld);
    this.interrupt();
    this.asking.press();
    if (!(await this.open())) this.holding.value = false;
  }

  /** The button is let go: what was said is a turn. */
  release() {
    if (!this.holding.peek()) return;
    this.holding.value = false;
    this.level.value = 0;
    this.asking.release();
    this.unheld = setTimeout(() => this.holding.peek() || this.listening.peek() || this.microphone.end(), HELD_MS);
  }

  /** Listen by itself from now on, or not any more. */
  async listen(on = !this.listening.peek()) {
    this.wanted = on;
    if (on) {
      this.listening.value = (await this.open()) && this.wanted;
    } else {
      this.listening.value = false;
      this.level.value = 0;
      this.microphone.end();
    }
  }

  /** Be silent: whatever is said, or about to be. */
  interrupt() {
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
    this.asking.type(item);
  }

  /** Go on with a conversation, or begin a new one. @param {string} [conversation] */
  change(conversation = newId("conv")) {
    this.hangUp();
    batch(() => {
      this.conversation.value = conversation;
      this.utterances.value = [];
      this.fault.value = null;
    });
    this.measured.forget();
  }

  /** Go on with one of which it is known what was said: that is seen at once, and told again when the line is there.
   * @param {string} conversation @param {Utterances} said */
  goOn(conversation, said) {
    if (conversation === this.conversation.peek()) return;
    this.change(conversation);
    this.utterances.value = said;
  }

  hangUp() {
    this.interrupt();
    this.listen(false);
    this.line.hangUp();
    this.asking.forget();
    this.reply.forget();
  }

  /** Microphone, loudspeaker and line. @returns {Promise<boolean>} whether there is a microphone */
  async open() {
    this.fault.value = null;
    this.player.open();
    this.line.call();
    try {
      await this.microphone.begin();
      return true;
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error;
      this.fault.value = { code: `microphone_${error.reason}`, message: "" };
      return false;
    }
  }

  // What passes

  /** @param {import("../audio/microphone.js").Piece} piece */
  take(piece) {
    if (!this.holding.peek() && !this.wanted) return;
    this.level.value = piece.level;
    this.stay();
    this.asking.take(piece);
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
    this.stay();
    this.utterances.value = after(this.utterances.peek(), event);
    this.reply.hear(event);
    this.measured.hear(event);
    this.asking.hear(event);
    if (event.type === "session.created") this.begin();
    else if (event.type === "session.updated" && !this.asking.ready) this.asking.resume(this.utterances.peek());
    else if (event.type === "error") this.told(event.error);
  }

  /** A connection begins: all that was said is told anew, and what it does not tell of is not so. */
  begin() {
    this.clock.reset();
    const mine = this.asking.typed;
    this.utterances.value = this.utterances.peek().filter((each) => each.state !== "partial" || mine.has(each.id));
    this.configure();
  }

  /** @param {{code: string, message: string}} error */
  told(error) {
    this.reply.forgive();
    this.unchoose(error.code);
    if (!HARMLESS.has(error.code)) this.fault.value = error;
  }

  /** The box ends the conversation. @param {{code: string, message: string}} error */
  refused(error) {
    this.unchoose(error.code);
    this.fault.value = error;
    this.listen(false);
    this.asking.forget();
    this.reply.forget();
  }

  /** What was chosen once may be gone since. @param {string} code */
  unchoose(code) {
    if (code === "model_not_found") kept.assistant.value = "default";
    if (code === "voice_not_found") kept.voice.value = "";
  }

  /** @param {LiveEvent} event @param {boolean} out */
  note(event, out) {
    if (!kept.developer.peek() || event.type.endsWith("audio.delta")) return;
    this.events.value = [...this.events.peek().slice(1 - MOST_EVENTS), { out, at: performance.now(), event }];
  }

  /** The line is used. */
  stay() {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => (this.listening.peek() ? this.stay() : this.line.hangUp()), IDLE_MS);
  }
}
