// From times to places in a picture: a scale that ends at a round number, and lines that break where nothing was.

/** The smallest of 1, 2, 5, 10, … that is not below. @param {number} value */
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const step = 10 ** Math.floor(Math.log10(value));
  const fitting = [1, 2, 5, 10].find((each) => each * step >= value * (1 - 1e-9));
  return (fitting ?? 10) * step;
}

/**
 * Lines through the middle of each bucket, for a path's `d`. A bucket alone is a line of no length, which round ends
 * make a dot of.
 * @param {readonly (number | null)[]} values
 * @param {number} most value at the top
 * @param {{width: number, height: number}} size
 */
export function curve(values, most, { width, height }) {
  const x = (/** @type {number} */ at) => round(((at + 0.5) / values.length) * width);
  const y = (/** @type {number} */ value) => round(height - (Math.min(value, most) / most) * height);
  let path = "";
  values.forEach((value, at) => {
    if (value === null) return;
    const begins = (values[at - 1] ?? null) === null;
    const alone = begins && (values[at + 1] ?? null) === null;
    path += `${begins ? "M" : "L"}${x(at)} ${y(value)}${alone ? "h0" : ""}`;
  });
  return path;
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}
