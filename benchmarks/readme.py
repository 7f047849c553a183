"""The README's block of figures: the ones that matter, and what they were measured on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import click

from benchmarks.report import number

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.figures import Figure
    from benchmarks.result import Result

BEGIN: Final = "<!-- benchmark: made by `appliance bench readme`, not by hand -->"
END: Final = "<!-- /benchmark -->"

SHOWN: Final = (
    ("turn", "turn_voice_to_voice_1", "voice to voice, median, one conversation (500 ms of it are silence)"),
    ("turn", "turn_voice_to_voice_1_p95", "the same, 95 %"),
    ("turn", "turn_voice_to_voice_semantic", "With `semantic_vad` the median is"),
    ("turn", "turn_posted_first_audio", "first audio of a turn, streamed (`POST /v1/voice/turns`)"),
    ("turn", "turn_staged_over_live", "one stage after another, against it"),
    ("turn", "turn_live_over_bare_and_silence", "against the stages alone and the silence"),
    ("bargein", "bargein_last_audio_after_voice", "After an interrupting voice has begun the last audio leaves within"),
    ("stt", "stt_live_4s", "four seconds of speech understood"),
    ("stt", "stt_short_own_beam_5_over_live", "faster-whisper's own way (beam 5), against it, up to 4 s"),
    ("stt", "stt_live_word_errors", "words heard wrongly, clean and in noise"),
    ("llm", "llm_first_token_1", "first token"),
    ("llm", "llm_rate_1", "tokens a second through HTTP, one stream"),
    ("llm", "llm_rate_16", "the same, 16 streams together"),
    ("llm", "llm_rate_16_over_bare", "of a bare `llama_decode` loop, 16 streams"),
    ("llm", "llm_first_token_shared_over_cold", "first token behind a shared prompt, against the first time"),
    ("tts", "tts_first_audio_sentence", "first audio of a sentence"),
    ("tts", "tts_real_time_factor_sentence", "real-time factor of the voice"),
    ("tts", "tts_first_audio_made_over_kept", "a clause made, against one that was kept"),
    ("coldstart", "coldstart_ready", "start to ready, warm disk"),
    ("coldstart", "coldstart_first_turn_over_warm", "first turn after a start, against a warm one"),
    ("coldstart", "coldstart_memory_pss", "memory of all processes (PSS)"),
    ("coldstart", "coldstart_idle_load", "idle load"),
)


def block(result: Result, picture: Path | None = None, *, beside: Path) -> str:
    """Markdown between the markers; `beside` is the folder of the page that shows the picture."""
    about = result.fingerprint
    lines = [BEGIN, f"{_machine(result)}.", "", "| figure | measured | 95 % of the time within | samples |"]
    lines.append("|---|---|---|---|")
    for part, name, words in _rows(result):
        figure = found.figure(name) if (found := result.part(part)) is not None else None
        if figure is not None:
            lines.append(f"| {words} | {_value(figure)} | {_spread(figure)} | {len(figure.samples) or ''} |")
    if picture is not None:
        where = os.path.relpath(picture, beside)
        lines += ["", f"![Figures of the benchmark of {about['when'][:10]}]({where})"]
    return "\n".join([*lines, END])


def replaced(page: str, lines: str) -> str:
    """A page with this block in place of the one it has. Raises click's `ClickException` where it has none."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise click.ClickException(f"The page needs the lines {BEGIN} and {END}, once each, where the table goes.")
    return page[: page.index(BEGIN)] + lines + page[page.index(END) + len(END) :]


def _rows(result: Result) -> list[tuple[str, str, str]]:
    """With a line for each number of conversations that was measured."""
    rows = list(SHOWN)
    turn = result.part("turn")
    sessions = [
        name.removeprefix("turn_voice_to_voice_")
        for name in ([figure.name for figure in turn.figures] if turn else ())
        if name.startswith("turn_voice_to_voice_") and name.rpartition("_")[2].isdecimal()
    ]
    for at, count in enumerate((each for each in sessions if each != "1"), start=2):
        rows.insert(
            at, ("turn", f"turn_voice_to_voice_{count}", f"voice to voice, median, {count} conversations at once")
        )
    return rows


def _machine(result: Result) -> str:
    about = result.fingerprint
    gpus = ", ".join(card["name"] for card in about["gpus"]) or "no GPU"
    models = ", ".join(model["name"] for model in about["models"].values())
    processor, system = about["processor"], about["system"]
    commit = f"commit `{about['commit']}`{' and changes' if about['dirty'] else ''}, " if about["commit"] else ""
    return (
        f"{about['when'][:10]}, {commit}{processor['model']}, {processor['cores']} cores, {about['memory_gb']:g} GB,"
        f" {gpus}, {system['distribution']}; {models}; {about['speech'].get('source', 'no')} speech"
        + ("; a quick run, not to be quoted" if result.quick else "")
    )


def _value(figure: Figure) -> str:
    return f"{number(figure.value)} {figure.unit}".strip()


def _spread(figure: Figure) -> str:
    if figure.spread is not None:
        return f"{number(figure.spread[0])} … {number(figure.spread[1])}"
    return f"{number(figure.range[0])} … {number(figure.range[1])} (range)" if figure.range is not None else ""
