// What the user says, until the box has written it down: nothing of it is lost with a connection.

import { toBase64 } from "../audio/pcm.js";
import * as kept from "../kept.js";
import { signal } from "../view.js";
import { Unsettled } from "./unsettled.js";

const PIECE_MS = 20;
/** Pieces of the shortest turn that the box takes: 100 ms. */
const LEAST = 5;

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
    /** Typed messages that are not written down, by their ids, and those of them that were sent on this line. */
    this.typed = /** @type {Map<string, LiveEvent>} */ (new Map());
    this.sent = /** @type {Set<string>} */ (new Set());
    /** Items that the box has told of on this line. */
    this.told = /** @type {Set<string>} */ (new Set());
    /** Whether a turn was ended here, and the box has not said that it took it. */
    this.commits = false;
    /** Whether a voice was heard in the turn; without one, words are waited for before an answer is. */
    this.voiced = false;
    this.awaitsWords = false;
    /** Whether an answer is to be asked for once more, when the one that was under way has ended. */
    this.repeats = false;
    /** Whether the line is there, and has told all that was said before. */
    this.ready = false;
  }

  /** Whether something waits for the box. */
  get waits() {
    return this.typed.size > 0 || this.commits || this.unsettled.waits;
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

  /** A turn begins with the button. One that still waits for the box goes before it. */
  press() {
    this.heardNothing.value = false;
    this.awaitsWords = false;
    if (!this.unsettled.waits) this.unsettled.forget();
    this.unsettled.started();
    this.voiced = false;
  }

  /** And ends with it, or because nobody listens any more. */
  end() {
    const { unsettled } = this;
    if (unsettled.pieces.length - unsettled.over < LEAST) {
      this.throwAway();
      this.heardNothing.value = true;
      return;
    }
    unsettled.end();
    this.hearing.value = false;
    this.commits = true;
    if (this.ready) this.commit();
  }

  /** What is being said is not for the box. */
  throwAway() {
    this.hearing.value = false;
    this.awaitsWords = false;
    if (this.unsettled.waits) return;
    this.unsettled.forget();
    if (this.ready) this.send({ type: "input_audio_buffer.clear" });
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
    for (const item of this.typed.values()) {
      if (this.sent.has(item.id)) continue;
      this.sent.add(item.id);
      this.send({ type: "conversation.item.create", item });
    }
    this.respond([...this.typed.keys()].at(-1));
  }

  /** @param {string} [question] */
  respond(question) {
    this.repeats = false;
    this.reply.giveWay();
    this.reply.owe(question);
    this.send({ type: "response.create" });
  }

  /** The box was about to answer something else, which gives way. */
  repeat() {
    this.repeats = true;
    this.reply.giveWay();
  }

  /** @param {LiveEvent} event */
  hear(event) {
    switch (event.type) {
      case "session.created":
        this.repeats = false;
        return this.told.clear();
      case "error":
        return event.error.code === "response_active" ? this.repeat() : undefined;
      case "response.done":
        if (this.repeats) this.respond(this.reply.question);
        return;
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
        this.told.add(event.item.id);
        if (event.item.role === "user" && this.ready) this.settled(event.item.id);
        return;
      case "conversation.item.input_audio_transcription.completed":
        return this.understood(event.transcript.trim());
      case "conversation.item.input_audio_transcription.failed":
        this.awaitsWords = false;
        return this.reply.forgive();
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
    this.sent.clear();
  }

  /** It is there again, and has told all that the box has: say again what it has not. @param {Utterances} list */
  resume(list) {
    this.ready = true;
    const { unsettled, told } = this;
    for (const id of this.typed.keys()) if (told.has(id)) this.typed.delete(id);
    if (unsettled.over && told.has(this.reply.question)) unsettled.settled();
    const known = this.reply.resume(list.filter((each) => told.has(each.id)));
    if (!known && unsettled.over && !kept.handsFree.peek()) this.commits = true;
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
