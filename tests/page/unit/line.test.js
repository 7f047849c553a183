import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Line } from "../../../appliance/page/js/live/line.js";

/** The browser's socket, as far as a line knows it. The real one: tests/page/test_lost_lines.py. */
class Socket {
  static OPEN = 1;
  /** @type {Socket[]} */
  static made = [];
  readyState = 1;
  /** @type {((event: {data: string}) => void) | null} */
  onmessage = null;
  /** @type {((event: {code: number}) => void) | null} */
  onclose = null;

  constructor() {
    Socket.made.push(this);
  }

  send() {}
  close() {}

  /** @param {object} event */
  says(event) {
    this.onmessage?.({ data: JSON.stringify(event) });
  }

  /** The box has somebody else on this conversation. */
  moves() {
    this.says({ type: "error", error: { code: "session_moved", message: "" } });
    this.onclose?.({ code: 1008 });
  }
}

/** @type {string[]} */
let refused = [];
/** @type {Line} */
let line;
/** ms */
let now = 0;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  now = 0;
  mock.method(performance, "now", () => now);
  Object.assign(globalThis, {
    WebSocket: Socket,
    addEventListener() {},
    removeEventListener() {},
  });
  Socket.made = [];
  refused = [];
  line = new Line(
    () => "ws://box",
    () => {},
    ({ code }) => refused.push(code),
  );
  line.call();
});

afterEach(() => {
  line.hangUp();
  mock.timers.reset();
  mock.restoreAll();
});

/** @param {number} seconds */
function pass(seconds) {
  for (const until = now + 1_000 * seconds; now < until; ) {
    now += 50;
    mock.timers.tick(50);
  }
}

const last = () => /** @type {Socket} */ (Socket.made.at(-1));

test("another window takes the conversation over: the line ends for good", () => {
  last().says({ type: "session.created" });
  for (let second = 0; second < 11; second++) {
    pass(1);
    last().says({ type: "appliance.pong" });
  }
  last().moves();
  assert.deepEqual(refused, ["session_moved"]);
  assert.equal(line.state.peek(), "closed");
});

test("an earlier try takes a line over that is just open, or not yet: it is called again", () => {
  last().says({ type: "session.created" });
  pass(30); // nothing is answered: it is lost, and called again
  assert.ok(Socket.made.length > 1);
  let calls = Socket.made.length;
  last().moves();
  assert.equal(line.state.peek(), "lost");
  pass(4);
  assert.ok(Socket.made.length > calls);
  calls = Socket.made.length;
  last().says({ type: "session.created" });
  last().moves();
  pass(4);
  assert.ok(Socket.made.length > calls);
  assert.deepEqual(refused, []);
});
