// What the user says, until the box has written it down: nothing of it is lost with a connection.

import { toBase64 } from "../audio/pcm.js";
import * as kept from "../kept.js";
import { signal } from "../view.js";
import { Unsettled } from "./unsettled.js";

const PIECE_MS = 20;

/** @typedef {import("./utterances.js").Utterances} Utterances */

export class Asking {
  /**
   * @param {import("./line.js").Line} line
   * @param {import("./clock.js").Clock} clock
   * @param {import("./reply.js").Reply} reply
   * @param {(event: LiveEvent) => void} send
   */
  constructor(line, clock, reply, send) {
    this.line = line;
    this.clock = clock;
    this.reply = reply;
    this.send = send;
    /** Whether the box hears a voice. */
    this.hearing = signal(false);
    /** Whether the last turn had no words in it. */
    this.heardNothing = signal(false);
    this.unsettled = new Unsettled();
    /** Typed messages that the box has not taken yet, by their ids. @type {Map<string, LiveEvent>} */
    this.typed = new Map();
    /** Whether the button was let go, and the box has not said that it took the turn. */
    this.commits = false;
    /** Whether a voice was heard since the button was pressed; without one, words are waited for before an answer is. */
    this.voiced = false;
    this.awaitsWords = false;
    /** Whether the line is there, and has told all that was said before. */
    this.ready = false;
  }

  /** More of what the microphone hears. @param {import("../audio/microphone.js").Piece} piece */
  take(piece) {
    const audio = toBase64(piece.pcm);
    this.unsettled.add(audio, this.ready);
    if (this.ready) this.append(audio, piece.endedAt);
  }

  /** @param {string} audio @param {number} heardAt */
  append(audio, heardAt) {
    if (this.line.send({ type: "input_audio_buffer.append", audio })) this.clock.add(PIECE_MS, heardAt);
  }

  /** A turn begins with the button. */
  press() {
    this.heardNothing.value = false;
    this.unsettled.forget();
    this.unsettled.started();
    this.voiced = false;
    this.commits = false;
  }

  /** And ends with it. */
  release() {
    if (!this.unsettled.pieces.length) return;
    this.commits = true;
    if (this.ready) this.commit();
  }

  commit() {
    this.awaitsWords = !this.voiced;
    this.send({ type: "input_audio_buffer.commit" });
    if (this.voiced) this.respond();
  }

  /** @param {LiveEvent} item */
  type(item) {
    this.heardNothing.value = false;
    this.typed.set(item.id, item);
    if (this.ready) this.sendTyped();
  }

  sendTyped() {
    for (const item of this.typed.values()) this.send({ type: "conversation.item.create", item });
    this.respond([...this.typed.keys()].at(-1));
  }

  /** @param {string} [question] */
  respond(question) {
    this.reply.owe(question);
    this.send({ type: "response.create" });
  }

  /** @param {LiveEvent} event */
  hear(event) {
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        this.hearing.value = true;
        this.heardNothing.value = false;
        this.voiced = true;
        return this.unsettled.started();
      case "input_audio_buffer.speech_stopped":
        this.hearing.value = false;
        return;
      case "input_audio_buffer.committed":
        return this.committed(event.item_id);
      case "conversation.item.done":
        if (event.item.role === "user" && this.ready) this.settled(event.item.id);
        return;
      case "conversation.item.input_audio_transcription.completed":
        return this.understood(event.transcript.trim());
      default:
        return;
    }
  }

  /** @param {string} item */
  committed(item) {
    this.hearing.value = false;
    this.unsettled.committed();
    if (this.commits || this.reply.owed.peek() || kept.handsFree.peek()) this.reply.owe(item);
    this.commits = false;
  }

  /** An item is written down. @param {string} item */
  settled(item) {
    if (!this.typed.delete(item)) this.unsettled.settled();
  }

  /** @param {string} words */
  understood(words) {
    if (!words) {
      this.reply.forgive();
      this.heardNothing.value = this.awaitsWords;
    } else if (this.awaitsWords) this.respond(this.reply.question);
    this.awaitsWords = false;
  }

  /** The line is gone. */
  lost() {
    this.ready = false;
    this.hearing.value = false;
  }

  /** It is there again, and has told all that the box has: say again what it has not. @param {Utterances} list */
  resume(list) {
    this.ready = true;
    const has = (/** @type {string} */ id) => list.some((each) => each.id === id && each.state !== "partial");
    for (const id of this.typed.keys()) if (has(id)) this.typed.delete(id);
    const { unsettled } = this;
    if (unsettled.over && has(this.reply.question)) unsettled.settled();
    if (!this.reply.resume(list) && unsettled.over && !kept.handsFree.peek()) this.commits = true;
    for (const audio of unsettled.pieces) this.append(audio, Number.NaN);
    if (this.commits) this.commit();
    if (this.typed.size) this.sendTyped();
  }

  /** The conversation is another one. */
  forget() {
    this.unsettled.forget();
    this.typed.clear();
    this.commits = false;
    this.awaitsWords = false;
    this.heardNothing.value = false;
    this.lost();
  }
}
