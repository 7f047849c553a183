"""What workers tell of their engines, as figures: the last word of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.engines.figures import STEP_SECONDS, TOGETHER, TOKENS, Language, Listening, Speaking
from appliance.metrics.families import Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.core import Metric

    from appliance.engines.figures import Figures

CELLS: Final = Family("gauge", "appliance_llm_cells", "Cells of the KV cache.")
CELLS_USED: Final = Family("gauge", "appliance_llm_cells_used", "Cells that hold a token.")
RUNNING: Final = Family("gauge", "appliance_llm_running", "Sequences that have a slot.")
WAITING: Final = Family("gauge", "appliance_llm_waiting", "Sequences that wait for one.")
PROMPT: Final = Family(
    "counter", "appliance_llm_prompt_tokens_total", "Tokens of prompts, by where they came from.", ("source",)
)
GENERATED: Final = Family("counter", "appliance_llm_generated_tokens_total", "Tokens that were written.")
STEPS: Final = Family("counter", "appliance_llm_steps_total", "Batches that were decoded.")
STEP: Final = Family("histogram", "appliance_llm_step_seconds", "Time that a batch takes.")
SEQUENCES: Final = Family("histogram", "appliance_llm_batch_sequences", "Sequences in a batch.")
TOKENS_TOGETHER: Final = Family("histogram", "appliance_llm_batch_tokens", "Tokens in a batch.")
GUESSED: Final = Family("counter", "appliance_llm_guessed_tokens_total", "Tokens that were guessed ahead.")
ACCEPTED: Final = Family("counter", "appliance_llm_accepted_tokens_total", "Guessed tokens that were right.")
SENT_BACK: Final = Family(
    "counter", "appliance_llm_sent_back_total", "Sequences that lost their place to a higher one."
)

UTTERANCES: Final = Family("histogram", "appliance_stt_batch_utterances", "Live utterances in a pass.")
HEARD: Final = Family("counter", "appliance_stt_audio_seconds_total", "Audio that was understood.", ("kind",))
NOTHING: Final = Family("counter", "appliance_stt_nothing_heard_total", "Live utterances without words in them.")

SPOKEN: Final = Family("counter", "appliance_tts_audio_seconds_total", "Audio that was made.")

FAMILIES: Final = (
    CELLS, CELLS_USED, RUNNING, WAITING, PROMPT, GENERATED, STEPS, STEP, SEQUENCES, TOKENS_TOGETHER, GUESSED, ACCEPTED,
    SENT_BACK, UTTERANCES, HEARD, NOTHING, SPOKEN,
)  # fmt: skip


def shown(told: Iterable[Figures | None]) -> Iterator[Metric]:
    """Of all engines that have told anything."""
    for figures in told:
        match figures:
            case Language():
                yield from _language(figures)
            case Listening():
                spread = figures.batch_utterances
                yield UTTERANCES.histogram(TOGETHER, spread.counts, spread.total)
                yield HEARD.each([(("live",), figures.live_seconds), (("file",), figures.file_seconds)])
                yield NOTHING.of(figures.nothing_heard)
            case Speaking(audio_seconds=seconds):
                yield SPOKEN.of(seconds)
            case None:
                pass


def _language(told: Language) -> Iterator[Metric]:
    yield CELLS.of(told.cells)
    yield CELLS_USED.of(told.cells_used)
    yield RUNNING.of(told.running)
    yield WAITING.of(told.waiting)
    yield PROMPT.each([(("read",), told.read), (("memory",), told.resident), (("disk",), told.restored)])
    yield GENERATED.of(told.generated)
    yield STEPS.of(told.steps)
    yield STEP.histogram(STEP_SECONDS, told.step_seconds.counts, told.step_seconds.total)
    yield SEQUENCES.histogram(TOGETHER, told.batch_sequences.counts, told.batch_sequences.total)
    yield TOKENS_TOGETHER.histogram(TOKENS, told.batch_tokens.counts, told.batch_tokens.total)
    yield GUESSED.of(told.guessed)
    yield ACCEPTED.of(told.accepted)
    yield SENT_BACK.of(told.sent_back)
