// A conversation with the box: what the user does, and what becomes of it. The views look at its signals.

import { Microphone, NoMicrophone } from "../audio/microphone.js";
import { toBase64 } from "../audio/pcm.js";
import { Player } from "../audio/player.js";
import * as kept from "../kept.js";
import { batch, computed, effect, signal } from "../view.js";
import { may } from "../who.js";
import { Clock } from "./clock.js";
import { Line } from "./line.js";
import { Measured } from "./measured.js";
import { Reply } from "./reply.js";
import { configuration } from "./session.js";
import { Unsettled } from "./unsettled.js";
import { after } from "./utterances.js";

const PIECE_MS = 20;
/** An open line costs the box a place: it is hung up when nobody has used it for so long. */
const IDLE_MS = 600_000;
const MOST_EVENTS = 400;
/** Errors that only say that there was nothing to stop or to take. */
const HARMLESS = new Set(["response_cancel_not_active", "audio_buffer_empty"]);

/** @typedef {import("./utterances.js").Utterances} Utterances */
/** @typedef {{code: string, message: string} | null} Fault */
/** @typedef {"idle" | "connecting" | "listening" | "hearing" | "thinking" | "speaking" | "lost"} Status */

/** @param {string} kind */
const newId = (kind) => `${kind}_${crypto.getRandomValues(new Uint32Array(4)).join("").slice(0, 24)}`;

export class Talk {
  constructor() {
    this.conversation = signal(newId("conv"));
    this.utterances = signal(/** @type {Utterances} */ ([]));
    /** Whether the button is held, whether the box listens by itself, and whether it hears a voice. */
    this.holding = signal(false);
    this.listening = signal(false);
    this.hearing = signal(false);
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
    this.clock = new Clock();
    this.measured = new Measured(this.clock, this.player, this.line);
    this.unsettled = new Unsettled();
    this.reply = new Reply(this.player, (event) => this.send(event));
    /** Typed messages that the box has not taken yet, by their ids. @type {Map<string, LiveEvent>} */
    this.typed = new Map();
    /** Whether the user's words are to be answered as soon as the line is there. */
    this.commits = false;
    /** Whether a voice has been heard since the button was pressed; a commit without one waits for words. */
    this.voiced = false;
    this.awaitsWords = false;
    /** Whether the conversation is told again, which it is at the beginning of each connection. */
    this.opening = false;
    /** @type {number | undefined} */
    this.idle = undefined;

    this.status = computed(() => this.currentStatus());
    effect(() => {
      for (const choice of [kept.voice, kept.assistant, kept.spokenLanguage, kept.handsFree, kept.aloud]) choice.value;
      if (this.line.state.peek() === "open") this.configure();
    });
  }

  /** @returns {Status} */
  currentStatus() {
    const line = this.line.state.value;
    if (line === "lost") return "lost";
    if (this.holding.value || this.hearing.value) return "hearing";
    if (this.reply.speaking.value) return "speaking";
    if (this.reply.owed.value) return "thinking";
    if (line === "connecting") return "connecting";
    return this.listening.value ? "listening" : "idle";
  }

  address() {
    const url = new URL("/v1/realtime", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = new URLSearchParams({ model: kept.assistant.peek(), timings: "1", captions: "1" }).toString();
    if (may("history")) url.searchParams.set("conversation", this.conversation.peek());
    return url.href;
  }

  // What the user does

  /** The button is pressed: listen as long as it is held. */
  async press() {
    if (this.holding.peek()) return;
    this.holding.value = true;
    this.interrupt();
    if (!(await this.open())) {
      this.holding.value = false;
      return;
    }
    if (!this.holding.peek()) return; // let go while the browser asked for the microphone
    this.unsettled.forget();
    this.unsettled.started();
    this.voiced = false;
  }

  /** The button is let go: what was said is a turn. */
  release() {
    if (!this.holding.peek()) return;
    this.holding.value = false;
    this.level.value = 0;
    if (!this.unsettled.pieces.length) return;
    this.commits = true;
    if (this.line.state.peek() === "open" && !this.opening) this.commit();
  }

  /** Listen by itself from now on, or not any more. */
  async listen(on = !this.listening.peek()) {
    if (!on) {
      this.listening.value = false;
      this.level.value = 0;
      this.microphone.end();
    } else if (await this.open()) {
      this.listening.value = true;
    }
  }

  /** Be silent: whatever is said, or about to be. */
  interrupt() {
    this.reply.interrupt();
  }

  /** @param {string} text */
  type(text) {
    this.interrupt();
    if (kept.aloud.peek()) this.player.open();
    const item = { type: "message", id: newId("item"), role: "user", content: [{ type: "input_text", text }] };
    this.typed.set(item.id, item);
    this.utterances.value = after(this.utterances.peek(), { type: "conversation.item.added", item });
    this.fault.value = null;
    this.line.call();
    if (this.line.state.peek() === "open" && !this.opening) this.sendTyped();
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
    this.unsettled.forget();
    this.typed.clear();
    this.commits = false;
    this.reply.forget();
  }

  /** Microphone, loudspeaker and line. @returns {Promise<boolean>} */
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

  // What the microphone hears

  /** @param {import("../audio/microphone.js").Piece} piece */
  take(piece) {
    if (!this.holding.peek() && !this.listening.peek()) return;
    this.level.value = piece.level;
    this.stay();
    const audio = toBase64(piece.pcm);
    this.unsettled.add(audio);
    if (this.line.state.peek() === "open" && !this.opening) this.append(audio, piece.endedAt);
  }

  /** @param {string} audio @param {number} heardAt */
  append(audio, heardAt) {
    if (this.line.send({ type: "input_audio_buffer.append", audio })) this.clock.add(PIECE_MS, heardAt);
  }

  // What is sent

  /** @param {LiveEvent} event */
  send(event) {
    if (this.line.send(event)) this.note(event, true);
  }

  configure() {
    const model = kept.assistant.peek();
    this.send({ type: "session.update", session: { ...configuration(), model } });
  }

  commit() {
    this.commits = false;
    this.awaitsWords = !this.voiced;
    this.send({ type: "input_audio_buffer.commit" });
    if (this.voiced) this.respond();
  }

  respond() {
    this.reply.owe();
    this.send({ type: "response.create" });
  }

  sendTyped() {
    for (const item of this.typed.values()) this.send({ type: "conversation.item.create", item });
    if (this.typed.size) this.respond();
  }

  // What comes

  /** @param {LiveEvent} event */
  hear(event) {
    this.note(event, false);
    this.stay();
    this.utterances.value = after(this.utterances.peek(), event);
    this.reply.hear(event);
    this.measured.hear(event);
    switch (event.type) {
      case "session.created":
        return this.begin();
      case "session.updated":
        return this.opening ? this.resume() : undefined;
      case "input_audio_buffer.speech_started":
        this.hearing.value = true;
        this.voiced = true;
        return this.unsettled.started();
      case "input_audio_buffer.committed":
        this.hearing.value = false;
        this.unsettled.committed();
        if (kept.handsFree.peek()) this.reply.owe();
        return;
      case "conversation.item.done":
        return this.settle(event.item);
      case "conversation.item.input_audio_transcription.completed":
        return this.understood(event);
      case "error":
        if (!HARMLESS.has(event.error.code)) this.fault.value = event.error;
        return;
      default:
        return;
    }
  }

  /** A connection begins: what it does not tell of is not so. */
  begin() {
    this.opening = true;
    this.hearing.value = false;
    this.clock.reset();
    this.utterances.value = this.utterances
      .peek()
      .filter((each) => each.state !== "partial" || this.typed.has(each.id));
    this.configure();
  }

  /** All that was said before has been told: go on where the line was lost. */
  resume() {
    this.opening = false;
    const list = this.utterances.peek();
    for (const id of this.typed.keys()) {
      if (list.some((each) => each.id === id && each.state !== "partial")) this.typed.delete(id);
    }
    const said = this.unsettled.pieces.length > 0 && (this.unsettled.speaking || this.commits || this.listening.peek());
    if (!this.reply.resume(list, (id) => this.send({ type: "conversation.item.delete", item_id: id })) && !said) {
      if (this.typed.size) this.sendTyped();
      return;
    }
    for (const audio of said ? this.unsettled.pieces : []) this.append(audio, Number.NaN);
    if (this.commits) this.commit();
    if (this.typed.size) this.sendTyped();
  }

  /** An item is written down. @param {LiveEvent} item */
  settle(item) {
    if (item.role !== "user" || this.opening) return;
    if (this.typed.delete(item.id)) return;
    this.unsettled.settled();
  }

  /** @param {LiveEvent} event */
  understood({ transcript, item_id }) {
    const words = transcript.trim();
    if (!words) {
      this.utterances.value = this.utterances.peek().filter((each) => each.id !== item_id);
      this.reply.forgive();
      if (this.awaitsWords) this.fault.value = { code: "heard_nothing", message: "" };
    } else if (this.awaitsWords) this.respond();
    this.awaitsWords = false;
  }

  /** @param {{code: string, message: string}} error */
  refused(error) {
    this.fault.value = error;
    this.listen(false);
    this.reply.forget();
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
