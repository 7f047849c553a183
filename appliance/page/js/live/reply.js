// The box's answer: owed from the moment a turn is over until all of it has been heard, or nobody wants it any more.

import { signal } from "../view.js";

/** @typedef {import("./utterances.js").Utterances} Utterances */

export class Reply {
  /**
   * @param {import("../audio/player.js").Player} player
   * @param {(event: LiveEvent) => void} send
   */
  constructor(player, send) {
    this.player = player;
    this.send = send;
    this.owed = signal(false);
    this.speaking = signal(false);
    /** Id of what the user said that is to be answered, once it has one. */
    this.question = "";
    /** The response under way, and those that are not to be heard any more. */
    this.response = "";
    /** @type {Set<string>} */
    this.dropped = new Set();
    /** Whether the next response is not wanted: it was stopped before it began. */
    this.unwanted = false;
    /** The item that sounds, and whether all of it has come. */
    this.item = "";
    this.whole = false;
    player.onEnd = (item) => this.heardOut(item);
  }

  /** A turn is over. @param {string} [question] */
  owe(question = "") {
    this.owed.value = true;
    this.unwanted = false;
    this.whole = false;
    this.question = question;
  }

  /** There was nothing to answer. */
  forgive() {
    if (!this.response) this.owed.value = false;
  }

  /** The conversation is another one. */
  forget() {
    this.player.flush();
    this.owed.value = false;
    this.speaking.value = false;
    this.unwanted = false;
    this.question = "";
    this.response = "";
    this.item = "";
    this.dropped.clear();
  }

  /** @param {LiveEvent} event */
  hear(event) {
    switch (event.type) {
      case "response.created":
        return this.begun(event.response.id);
      case "response.output_audio.delta":
        if (this.dropped.has(event.response_id)) return;
        this.item = event.item_id;
        this.speaking.value = true;
        return this.player.play(event.item_id, event.delta);
      case "response.output_audio.done":
        if (this.dropped.has(event.response_id)) return;
        return this.player.end(event.item_id);
      case "response.done":
        return this.done(event.response);
      default:
        return;
    }
  }

  /** @param {string} id */
  begun(id) {
    if (this.unwanted) {
      this.unwanted = false;
      this.dropped.add(id);
      this.send({ type: "response.cancel", response_id: id });
      return;
    }
    this.response = id;
    this.owed.value = true;
  }

  /** @param {LiveEvent} response */
  done(response) {
    if (this.response === response.id) this.response = "";
    if (this.dropped.delete(response.id)) return;
    this.whole = response.status === "completed";
    if (response.status === "cancelled") {
      // Somebody spoke: what is left of it is not played.
      this.player.flush();
      this.speaking.value = false;
    }
    if (!this.speaking.peek()) this.owed.value = false;
  }

  /** All of an item has been played. @param {string} item */
  heardOut(item) {
    if (item !== this.item) return;
    this.speaking.value = false;
    if (!this.response) this.owed.value = false;
  }

  /** Stop it, and have the box forget what was not heard. */
  interrupt() {
    if (!this.owed.peek() && !this.speaking.peek()) return;
    const { item, response } = this;
    const heard = Math.round(this.player.heard(item));
    this.player.flush();
    if (response) this.dropped.add(response);
    if (this.speaking.peek()) {
      this.send({ type: "conversation.item.truncate", item_id: item, content_index: 0, audio_end_ms: heard });
    } else if (response) this.send({ type: "response.cancel", response_id: response });
    else this.unwanted = true;
    this.speaking.value = false;
    this.owed.value = false;
    this.response = "";
  }

  /** Another answer is asked for: the box gives one at a time. */
  giveWay() {
    if (!this.response) return;
    this.dropped.add(this.response);
    this.send({ type: "response.cancel", response_id: this.response });
    this.player.flush();
    this.speaking.value = false;
    this.response = "";
  }

  /**
   * The line is there again. What was owed and is not heard out is said from its beginning: what there is of it is
   * forgotten, wherever it was broken off.
   * @param {Utterances} list all that was said, as the box has it
   * @returns {boolean} whether the box has the question
   */
  resume(list) {
    this.response = "";
    this.dropped.clear();
    this.unwanted = false;
    if (!this.owed.peek() || this.whole) return true;
    this.player.flush();
    this.speaking.value = false;
    const place = list.findIndex((each) => each.id === this.question);
    if (place < 0) {
      this.owed.value = false;
      return false;
    }
    for (const { id, role } of list.slice(place + 1)) {
      if (role === "assistant") this.send({ type: "conversation.item.delete", item_id: id });
    }
    this.send({ type: "response.create" });
    return true;
  }
}
