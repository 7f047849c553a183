/** Shapes that several modules of the page share, and what the audio thread has that lib.dom does not know. */

/** Who is signed in, as `GET /v1/session` says it. */
interface Who {
  user: string;
  role: "admin" | "user";
  scopes: string[];
  expires_at: number | null;
  /** By this browser's cookie, which can be given back. */
  signed_in: boolean;
}

/** A word of a reply: what is written for it, and when it sounds, in ms from the reply's first sample. */
interface Word {
  text: string;
  start_ms: number;
  end_ms: number;
}

/** A passage of a document that a reply rests on. */
interface Citation {
  file_id: string;
  filename: string;
  page: number | null;
  passage: number;
  heading: string;
  quote: string;
  start_index: number;
  end_index: number;
}

/** One thing that was said, by whomever. `clauses` has the words of a spoken reply, clause by clause. */
interface Utterance {
  id: string;
  role: "user" | "assistant" | "system";
  text: string;
  state: "partial" | "done" | "cut";
  clauses: Word[][];
  citations: Citation[];
  responseId?: string;
  /** Of a reply that was cut: so many characters of its text were heard. */
  heard?: number;
  failed?: string;
}

/** An event of the live protocol, either way. Its fields depend on its type. */
interface LiveEvent {
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: one shape for some forty kinds of events
  [field: string]: any;
}

declare const sampleRate: number;
declare const currentTime: number;
declare const currentFrame: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
  constructor(options?: AudioWorkletNodeOptions);
}
declare function registerProcessor(name: string, kind: new () => AudioWorkletProcessor): void;

interface Uint8Array {
  toBase64?(): string;
}
interface Uint8ArrayConstructor {
  fromBase64?(text: string): Uint8Array<ArrayBuffer>;
}
