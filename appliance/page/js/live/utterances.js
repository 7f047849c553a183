// What was said, as the live protocol's events tell it. Pure: a list and an event give the next list.

/** @typedef {readonly Utterance[]} Utterances */

/**
 * @param {Utterances} list
 * @param {LiveEvent} event
 * @returns {Utterances}
 */
export function after(list, event) {
  switch (event.type) {
    case "conversation.item.added":
      return added(list, event);
    case "conversation.item.done":
      return done(list, event.item);
    case "conversation.item.deleted":
      return list.filter((each) => each.id !== event.item_id);
    case "input_audio_buffer.speech_started":
      return list.some((each) => each.id === event.item_id) ? list : [...list, fresh(event.item_id, "user")];
    case "input_audio_buffer.cleared":
      return list.filter((each) => each.role !== "user" || each.state !== "partial");
    case "conversation.item.input_audio_transcription.delta":
      return changed(list, event.item_id, (each) => ({ ...each, text: each.text + event.delta }));
    case "conversation.item.input_audio_transcription.completed":
      // A noise is nothing that was said.
      if (!event.transcript.trim()) return list.filter((each) => each.id !== event.item_id);
      return changed(list, event.item_id, (each) => ({ ...each, text: event.transcript, state: "done" }));
    case "conversation.item.input_audio_transcription.failed":
      return changed(list, event.item_id, (each) => ({ ...each, state: "done", failed: event.error.code }));
    case "response.output_item.added":
      // It comes before the item itself.
      return event.item.type === "message" ? [...list, fresh(event.item.id, "assistant", event.response_id)] : list;
    case "response.output_audio_transcript.delta":
    case "response.output_text.delta":
      return changed(list, event.item_id, (each) => ({ ...each, text: each.text + event.delta }));
    case "appliance.output_audio.words":
      return changed(list, event.item_id, (each) => ({ ...each, clauses: withClause(each.clauses, event) }));
    case "response.output_audio_transcript.annotation.added":
    case "response.output_text.annotation.added":
      return changed(list, event.item_id, (each) => ({ ...each, citations: [...each.citations, event.annotation] }));
    case "response.done":
      return ended(list, event.response);
    default:
      return list;
  }
}

/**
 * @param {string} id
 * @param {Utterance["role"]} role
 * @param {string} [responseId]
 * @returns {Utterance}
 */
function fresh(id, role, responseId) {
  return { id, role, text: "", state: "partial", clauses: [], citations: [], responseId };
}

/**
 * @param {Utterances} list
 * @param {string} id
 * @param {(each: Utterance) => Utterance} change
 * @returns {Utterances}
 */
function changed(list, id, change) {
  return list.map((each) => (each.id === id ? change(each) : each));
}

/** The text of an item, however it was said. @param {LiveEvent} item */
export function textOf(item) {
  return (item.content ?? [])
    .map((/** @type {LiveEvent} */ part) => part.transcript ?? part.text ?? "")
    .filter(Boolean)
    .join(" ");
}

/** What an item rests on. @param {LiveEvent} item @returns {Citation[]} */
export function citationsOf(item) {
  return (item.content ?? []).flatMap((/** @type {LiveEvent} */ part) => part.annotations ?? []);
}

/** @param {Utterances} list @param {LiveEvent} event @returns {Utterances} */
function added(list, event) {
  const { item } = event;
  if (item.type !== "message" || item.role === "system") return list;
  const known = list.find((each) => each.id === item.id);
  const made = { ...(known ?? fresh(item.id, item.role)), text: textOf(item) || (known?.text ?? "") };
  const rest = list.filter((each) => each.id !== item.id);
  const place = event.previous_item_id ? rest.findIndex((each) => each.id === event.previous_item_id) : -1;
  // What is being said right now has no place among the items yet: it stays behind all of them.
  const end = rest.findIndex((each) => each.role === "user" && each.state === "partial" && each.id !== item.id);
  const at = place >= 0 ? place + 1 : end >= 0 ? end : rest.length;
  return [...rest.slice(0, at), made, ...rest.slice(at)];
}

/** @param {Utterances} list @param {LiveEvent} item @returns {Utterances} */
function done(list, item) {
  return changed(list, item.id, (each) => {
    const heard = item.role === "user" && !textOf(item) && (item.content?.[0]?.type ?? "") === "input_audio";
    if (heard) return each; // its words are still being found
    const said = textOf(item);
    const text = item.role === "assistant" ? each.text || said : said || each.text;
    const citations = each.citations.length ? each.citations : citationsOf(item);
    if (item.status !== "incomplete") return { ...each, text, citations, state: "done" };
    return { ...each, text, citations, state: "cut", heard: text.startsWith(said) ? said.length : text.length };
  });
}

/** @param {Word[][]} clauses @param {LiveEvent} event */
function withClause(clauses, event) {
  const next = [...clauses];
  next[event.clause] = event.words;
  return next;
}

/** @param {Utterances} list @param {LiveEvent} response @returns {Utterances} */
function ended(list, response) {
  if (response.status !== "failed") return list;
  const code = response.status_details?.error?.code ?? "failed";
  return list.map((each) => (each.responseId === response.id ? { ...each, failed: code } : each));
}
