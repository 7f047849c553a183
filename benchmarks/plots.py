"""Pictures of a result: matplotlib, without a display, as SVG for the report and PNG for pages that show no SVG."""

from __future__ import annotations

import io
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.axes import Axes

    from benchmarks.figures import Figure
    from benchmarks.result import Part, Result

INK: Final = "#010203"
"""Stands for the page's own colour, which is another one on a dark page."""
COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Told apart by the colour-blind too: M. Okabe and K. Ito, Color Universal Design, 2008."""
SHARES: Final = {
    "paused": "pause noticed", "understood": "words understood", "first_token": "first token",
    "first_clause": "first clause", "first_audio": "first audio", "sent": "turn over and sent",
}  # fmt: skip
SIZE: Final = (7.2, 3.6)
DOTS: Final = 110


def installed() -> bool:
    """Whether pictures can be made here."""
    return find_spec("matplotlib") is not None


def svgs(result: Result) -> Iterator[tuple[str, str]]:
    """Each picture that the result has figures for: what it shows, and an SVG element for an HTML page."""
    for number, (title, draw) in enumerate(_panels(result)):
        yield title, _element(_drawn([(title, draw)], "svg").decode(), f"p{number}", title)


def png(result: Result) -> bytes | None:
    """All that matters in one picture; None where there is nothing to be shown."""
    panels = list(_panels(result))
    return _drawn(panels, "png") if panels else None


def _panels(result: Result) -> Iterator[tuple[str, Callable[[Axes], None]]]:
    for part, title, draw in (
        ("turn", "Voice to voice by conversations at once", _voice_to_voice),
        ("turn", "What a spoken turn consists of", _stages),
        ("llm", "Tokens a second and first token by streams", _streams),
        ("stt", "Understanding an utterance by its length", _lengths),
        ("tts", "Speaking: first audio, and seconds of work for a second of sound", _speaking),
        ("coldstart", "From the process's start", _starting),
    ):
        found = result.part(part)
        if found is not None and found.figures and _has(found, draw):
            yield title, _with(draw, found)


def _with(draw: Callable[[Axes, Part], None], part: Part) -> Callable[[Axes], None]:
    return lambda axes: draw(axes, part)


def _has(part: Part, draw: Callable[[Axes, Part], None]) -> bool:
    return bool(_series(part, PATTERNS[draw.__name__]))


PATTERNS: Final = {
    "_voice_to_voice": r"turn_voice_to_voice_(\w+?)",
    "_stages": r"turn_(\w+)_share_paused",
    "_streams": r"llm_rate_(\d+)",
    "_lengths": r"stt_live_(\d+)s",
    "_speaking": r"tts_real_time_factor_(\w+)",
    "_starting": r"coldstart_ready_(\w+)",
}
"""Names of figures without which there is nothing to be drawn."""


def _series(part: Part, pattern: str) -> dict[str, Figure]:
    """Figures whose whole names fit, by what varies in them."""
    found = ((re.fullmatch(pattern, figure.name), figure) for figure in part.figures)
    return {match[1]: figure for match, figure in found if match is not None and not match[1].endswith("_p95")}


def _voice_to_voice(axes: Axes, part: Part) -> None:
    series = _series(part, PATTERNS["_voice_to_voice"])
    names = [f"{kind}\n(n={len(figure.samples)})" for kind, figure in series.items()]
    axes.boxplot(
        [list(figure.samples) for figure in series.values()], tick_labels=names, whis=(5, 95), showfliers=True,
        medianprops={"color": COLOURS[0], "linewidth": 2}, flierprops={"markersize": 3, "markeredgecolor": INK},
        boxprops={"color": INK}, whiskerprops={"color": INK}, capprops={"color": INK},
    )  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_ylabel("s, box: quartiles, whiskers: 5 and 95 %")


def _stages(axes: Axes, part: Part) -> None:
    kinds = list(_series(part, PATTERNS["_stages"]))
    left = [0.0] * len(kinds)
    for number, (stage, label) in enumerate(SHARES.items()):
        figures = [part.figure(f"turn_{kind}_share_{stage}") for kind in kinds]
        widths = [figure.value if figure is not None else 0.0 for figure in figures]
        axes.barh(kinds, widths, left=left, color=COLOURS[number % len(COLOURS)], label=label)
        left = [at + width for at, width in zip(left, widths, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("s from the last voice (medians of each stage's share)")
    axes.legend(fontsize="x-small", ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _streams(axes: Axes, part: Part) -> None:
    rates, firsts = _series(part, PATTERNS["_streams"]), _series(part, r"llm_first_token_(\d+)")
    bare = _series(part, r"llm_bare_rate_(\d+)")
    _line(axes, rates, "tokens/s", COLOURS[0])
    _line(axes, bare, "tokens/s, bare loop", COLOURS[0], style=":")
    axes.set_ylabel("tokens/s")
    axes.set_xlabel("streams at once")
    axes.set_ylim(bottom=0)
    other: Any = axes.twinx()
    _line(other, firsts, "first token (right)", COLOURS[1])
    other.set_ylabel("s", color=INK)
    other.set_ylim(bottom=0)
    lines = [*axes.get_lines(), *other.get_lines()]
    shown = [line for line in lines if not str(line.get_label()).startswith("_")]
    axes.legend(shown, [str(line.get_label()) for line in shown], fontsize="x-small", loc="lower right")


def _lengths(axes: Axes, part: Part) -> None:
    _line(axes, _series(part, PATTERNS["_lengths"]), "live", COLOURS[0])
    _line(axes, _series(part, r"stt_own_beam_5_(\d+)s"), "faster-whisper's own (beam 5)", COLOURS[1])
    axes.set_xlabel("seconds of speech")
    axes.set_ylabel("s until it is understood")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="x-small")


def _speaking(axes: Axes, part: Part) -> None:
    factors, firsts = _series(part, PATTERNS["_speaking"]), _series(part, r"tts_first_audio_(\w+)")
    kinds = [kind for kind in factors if kind in firsts]
    places = range(len(kinds))
    for series, shift, label, colour in (
        (firsts, -0.2, "first audio, s", COLOURS[0]), (factors, 0.2, "real-time factor", COLOURS[1]),
    ):  # fmt: skip
        chosen = [series[kind] for kind in kinds]
        axes.bar(
            [place + shift for place in places], [each.value for each in chosen], 0.36, yerr=_errors(chosen),
            color=colour, label=label, ecolor=INK, capsize=3,
        )  # fmt: skip
    axes.set_xticks(list(places), kinds)
    axes.legend(fontsize="x-small")


def _starting(axes: Axes, part: Part) -> None:
    stages = _series(part, PATTERNS["_starting"])
    chosen = [*stages.items()]
    for name, label in (("coldstart_ready", "all ready"), ("coldstart_cold_disk_ready", "all ready, cold disk")):
        if (figure := part.figure(name)) is not None:
            chosen.append((label, figure))
    names, figures = [name for name, _ in chosen], [figure for _, figure in chosen]
    axes.barh(names, [each.value for each in figures], xerr=_errors(figures), color=COLOURS[0], ecolor=INK, capsize=3)
    axes.invert_yaxis()
    axes.set_xlabel("s")


def _line(axes: Axes, series: dict[str, Figure], label: str, colour: str, style: str = "-") -> None:
    at = [int(name) for name in series]
    figures = list(series.values())
    axes.errorbar(
        at, [each.value for each in figures], yerr=_errors(figures), color=colour, linestyle=style,
        marker="o", markersize=4, capsize=3,
    )  # fmt: skip
    axes.plot([], [], color=colour, linestyle=style, marker="o", markersize=4, label=label)
    axes.set_xscale("log", base=2)
    axes.set_xticks(at, [str(each) for each in at])


def _errors(figures: list[Figure]) -> list[list[float]]:
    """How far each value may be off, downwards and upwards."""
    between = [figure.spread or figure.range or (figure.value, figure.value) for figure in figures]
    return [
        [max(0.0, figure.value - low) for figure, (low, _) in zip(figures, between, strict=True)],
        [max(0.0, high - figure.value) for figure, (_, high) in zip(figures, between, strict=True)],
    ]


def _drawn(panels: list[tuple[str, Callable[[Axes], None]]], form: str) -> bytes:
    import matplotlib as mpl
    from matplotlib.figure import Figure as Sheet

    columns = 1 if len(panels) == 1 else 2
    rows = -(-len(panels) // columns)
    ink = INK if form == "svg" else "#222222"
    looks: Any = {
        "svg.fonttype": "none", "svg.hashsalt": panels[0][0], "font.size": 9, "axes.spines.top": False,
        "axes.spines.right": False, "text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": ink,
        "xtick.color": ink, "ytick.color": ink, "legend.frameon": False, "axes.titlesize": "medium",
    }  # fmt: skip
    with mpl.rc_context(looks):
        sheet = Sheet(figsize=(SIZE[0] * columns * (0.8 if columns > 1 else 1), SIZE[1] * rows), layout="constrained")
        for number, (title, draw) in enumerate(panels, start=1):
            axes = sheet.add_subplot(rows, columns, number)
            draw(axes)
            if columns > 1:
                axes.set_title(title)
        kept = io.BytesIO()
        metadata = {"Date": None, "Creator": None, "Type": None, "Format": None} if form == "svg" else {"Software": ""}
        sheet.savefig(kept, format=form, dpi=DOTS, transparent=form == "svg", metadata=metadata)
    return kept.getvalue()


def _element(text: str, prefix: str, title: str) -> str:
    """An SVG file as part of a page: no prolog, names of its own, the page's colour, as wide as there is room."""
    from html import escape

    found = re.search(r"<svg\b.*</svg>", text, re.DOTALL)
    if found is None:
        raise ValueError("matplotlib has written no SVG")
    body = re.sub(r"<metadata>.*?</metadata>", "", found[0], flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'((?:xlink:)?href="|url\()#', rf"\1#{prefix}-", body)
    body = body.replace(INK, "currentColor")
    body = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", body, count=1)
    return re.sub(r"<svg\b", f'<svg role="img" aria-label="{escape(title)}"', body, count=1)
