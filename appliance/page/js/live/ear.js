// When the page listens: as long as the button is held, or by itself until it is told not to.

import { Microphone, NoMicrophone } from "../audio/microphone.js";
import { signal } from "../view.js";
import { stayAwake } from "./awake.js";

/** The microphone is kept from one press to the next, as it takes a moment to be had, and given back after so long. */
const HELD_MS = 20_000;
/** The last of what was said is still on its way from the microphone when the button is let go. */
const TRAILING_MS = 80;

export class Ear {
  /**
   * @param {import("./asking.js").Asking} asking
   * @param {() => void} begin somebody is about to speak
   * @param {(code: string) => void} complain
   */
  constructor(asking, begin, complain) {
    this.asking = asking;
    this.begin = begin;
    this.complain = complain;
    this.microphone = new Microphone(
      (piece) => this.take(piece),
      () => this.bereft(),
    );
    /** Whether the button is held, and whether the box listens by itself. */
    this.holding = signal(false);
    this.listening = signal(false);
    /** How loud it is, 0 to 1. */
    this.level = signal(0);
    /** Whether it is to listen by itself, which takes a moment to begin. */
    this.wanted = false;
    /** While the last of a held turn comes. @type {number} */
    this.trailing = 0;
    /** @type {number | undefined} */
    this.unheld = undefined;
  }

  /** The button is pressed: listen as long as it is held. */
  async press() {
    if (this.holding.peek()) return;
    clearTimeout(this.unheld);
    if (this.trailing) this.ended();
    this.holding.value = true;
    this.asking.press();
    if (!(await this.open())) this.holding.value = false;
    else if (!this.holding.peek()) this.giveBack();
  }

  /** The button is let go: what was said is a turn, once the last of it has come through. */
  release() {
    if (!this.holding.peek()) return;
    this.holding.value = false;
    this.trailing = setTimeout(() => this.ended(), TRAILING_MS);
    this.giveBack();
  }

  /** The turn that was held is over. */
  ended() {
    clearTimeout(this.trailing);
    this.trailing = 0;
    this.level.value = 0;
    this.asking.end();
  }

  /** What is being said is not for the box after all. */
  throwAway() {
    this.holding.value = false;
    this.level.value = 0;
    this.asking.throwAway();
    this.giveBack();
  }

  giveBack() {
    clearTimeout(this.unheld);
    this.unheld = setTimeout(() => this.holding.peek() || this.wanted || this.microphone.end(), HELD_MS);
  }

  /** Listen by itself from now on, or not any more. */
  async listen(on = !this.wanted) {
    const before = this.wanted;
    this.wanted = on;
    stayAwake(on);
    if (on) {
      this.listening.value = (await this.open()) && this.wanted;
      if (!this.listening.peek()) this.wanted = false;
      return;
    }
    this.listening.value = false;
    this.level.value = 0;
    this.microphone.end();
    if (!before) return;
    if (this.asking.hearing.peek()) this.asking.end();
    else this.asking.throwAway();
  }

  /** @returns {Promise<boolean>} whether there is a microphone */
  async open() {
    this.begin();
    try {
      await this.microphone.begin();
      this.begin(); // who may listen may play
      return true;
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error;
      if (error.reason !== "given_back") this.complain(`microphone_${error.reason}`);
      return false;
    }
  }

  /** @param {import("../audio/microphone.js").Piece} piece */
  take(piece) {
    if (!this.holding.peek() && !this.trailing && !this.wanted) return;
    this.level.value = piece.level;
    this.asking.take(piece);
  }

  /** The microphone is gone: it was pulled out, or the system took it. */
  bereft() {
    this.holding.value = false;
    this.listen(false);
    this.complain("microphone_missing");
  }
}
