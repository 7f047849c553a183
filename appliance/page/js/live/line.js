// One live connection to the box, that is made anew whenever it is lost, until it is hung up.

import { signal } from "../view.js";

const PING_MS = 2_000;
/** Without an answer for so long the connection is taken for lost: a phone that changes its network is told nothing. */
const SILENT_MS = 6_000;
const FIRST_WAIT_MS = 250;
const MOST_WAIT_MS = 4_000;
/** Close codes after which asking again helps nothing (RFC 6455: policy violation, message too big). */
const FINAL = new Set([1008, 1009]);

/**
 * A line that is moved before it is open, or so soon after, was taken over by an earlier try of this very page, whose
 * words were still on their way when the network came back: it is called again. Later it is another window.
 */
const STALE_MS = 10_000;

/** @typedef {"closed" | "connecting" | "open" | "lost"} LineState */

export class Line {
  /**
   * @param {() => string} address where to connect, anew each time
   * @param {(event: LiveEvent) => void} hear each event that comes
   * @param {(error: {code: string, message: string}) => void} refuse the box will not have it
   */
  constructor(address, hear, refuse) {
    this.address = address;
    this.hear = hear;
    this.refuse = refuse;
    this.state = signal(/** @type {LineState} */ ("closed"));
    /** Of the last ping, in ms. */
    this.roundTrip = 0;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.attempts = 0;
    this.pings = 0;
    /** When the box took the line; infinite while it has not. */
    this.openedAt = Number.POSITIVE_INFINITY;
    this.pingedAt = 0;
    /** When the first ping left that was not answered, or the connection was begun; 0: all were. */
    this.waitsSince = 0;
    /** @type {number | undefined} */
    this.timer = undefined;
    /** @type {{code: string, message: string} | null} */
    this.lastError = null;
    this.onOffline = () => this.lose();
    this.onOnline = () => this.again();
  }

  /** Call, unless somebody has. */
  call() {
    if (this.state.peek() !== "closed") return;
    addEventListener("offline", this.onOffline);
    addEventListener("online", this.onOnline);
    this.state.value = "connecting";
    this.connect();
  }

  /** End it for good. */
  hangUp() {
    removeEventListener("offline", this.onOffline);
    removeEventListener("online", this.onOnline);
    this.drop();
    this.attempts = 0;
    this.state.value = "closed";
  }

  /** @param {LiveEvent} event @returns {boolean} whether it could leave */
  send(event) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(event));
    return true;
  }

  connect() {
    this.drop();
    const socket = new WebSocket(this.address());
    this.socket = socket;
    this.lastError = null;
    this.openedAt = Number.POSITIVE_INFINITY;
    this.waitsSince = performance.now();
    socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    socket.onclose = ({ code }) => this.closed(code);
    this.timer = setInterval(() => this.watch(), PING_MS);
  }

  /** @param {LiveEvent} event */
  take(event) {
    if (event.type === "appliance.pong") {
      this.roundTrip = performance.now() - this.pingedAt;
      this.waitsSince = 0;
      return;
    }
    if (event.type === "session.created") {
      this.attempts = 0;
      this.state.value = "open";
      this.openedAt = performance.now();
      this.waitsSince = 0;
      this.ping();
    }
    if (event.type === "error") this.lastError = event.error;
    this.hear(event);
  }

  ping() {
    this.pingedAt = performance.now();
    this.waitsSince ||= this.pingedAt;
    this.send({ type: "appliance.ping", event_id: `ping_${++this.pings}` });
  }

  /** A hidden page is woken once a minute only: what counts is a ping without an answer, not how long nothing came. */
  watch() {
    if (this.waitsSince && performance.now() - this.waitsSince > SILENT_MS) this.lose();
    else if (this.state.peek() === "open") this.ping();
  }

  /** @param {number} code */
  closed(code) {
    const error = this.lastError;
    const stale = error?.code === "session_moved" && performance.now() - this.openedAt < STALE_MS;
    if (FINAL.has(code) && !stale) {
      this.hangUp();
      this.refuse(error ?? { code: "closed", message: "" });
    } else this.lose();
  }

  /** The connection is gone: call again, after a while that grows. */
  lose() {
    if (this.state.peek() === "closed") return;
    this.drop();
    this.state.value = "lost";
    const wait = Math.min(MOST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.attempts++);
    this.timer = setTimeout(() => this.connect(), wait);
  }

  /** The network is back. */
  again() {
    if (this.state.peek() === "lost") this.connect();
  }

  drop() {
    clearInterval(this.timer);
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }
}
