// Samples as the live protocol carries them: 16 bits, little-endian, 24 kHz, base64.

export const RATE = 24_000;

/** @param {ArrayBuffer} pcm */
export function toBase64(pcm) {
  const bytes = new Uint8Array(pcm);
  if (bytes.toBase64) return bytes.toBase64();
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

/** @param {string} text @returns {ArrayBuffer} */
export function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text).buffer;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
}
