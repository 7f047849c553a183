// How a live session is to be: what the reader has chosen, in the protocol's words.

import { RATE } from "../audio/pcm.js";
import { Player } from "../audio/player.js";
import * as kept from "../kept.js";

/** While the button is held a pause ends nothing: the box only listens for voices, and notes words as they come. */
const HELD = { type: "server_vad", silence_duration_ms: 60_000, create_response: false, interrupt_response: false };
const BY_ITSELF = { type: "server_vad" };

/** @returns {Record<string, unknown>} */
export function configuration() {
  const format = { type: "audio/pcm", rate: RATE };
  const language = kept.spokenLanguage.peek();
  return {
    type: "realtime",
    output_modalities: [kept.aloud.peek() && Player.able ? "audio" : "text"],
    audio: {
      input: {
        format,
        transcription: { model: "whisper-1", ...(language ? { language } : {}) },
        turn_detection: kept.handsFree.peek() ? BY_ITSELF : HELD,
      },
      output: { format, voice: kept.voice.peek() || "default" },
    },
  };
}
