// A signal that ends with the first of several.

/**
 * AbortSignal.any, which browsers of before 2024 do not have.
 * @param {AbortSignal[]} signals
 * @param {((signals: AbortSignal[]) => AbortSignal) | null} [native]
 * @returns {AbortSignal}
 */
export function either(signals, native = AbortSignal.any?.bind(AbortSignal)) {
  if (native) return native(signals);
  const ending = new AbortController();
  for (const each of signals) {
    if (each.aborted) ending.abort(each.reason);
    else each.addEventListener("abort", () => ending.abort(each.reason), { once: true, signal: ending.signal });
  }
  return ending.signal;
}
