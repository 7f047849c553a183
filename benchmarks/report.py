"""A result as one HTML file that loads nothing, and as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import plots
from benchmarks.fingerprint import doubts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.result import Result


def write(result: Result, folder: Path, name: str) -> Iterator[Path]:
    """Make the files NAME.html and NAME.png in a folder; needs matplotlib."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{name}.html"
    page.write_text(html(result))
    yield page
    if (drawn := plots.png(result)) is not None:
        picture = folder / f"{name}.png"
        picture.write_bytes(drawn)
        yield picture


def html(result: Result) -> str:
    """The page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("benchmarks", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["number"] = number
    # Drawn here, of figures and our own words; matplotlib escapes what it writes.
    pictures = [(title, Markup(svg)) for title, svg in plots.svgs(result)]  # noqa: S704
    page: str = environment.get_template("report.html.j2").render(
        result=result,
        pictures=pictures,
        doubts=list(doubts(result.fingerprint)),
        leaves=list(leaves(result.fingerprint)),
    )
    return page


def leaves(about: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """A fingerprint as lines of a table: where, and what."""
    for name, value in about.items():
        where = f"{path} {name}".strip().replace("_", " ")
        if isinstance(value, dict):
            yield from leaves(value, where)
        elif isinstance(value, list):
            for each in value:
                yield (
                    where,
                    ", ".join(f"{key} {what}" for key, what in each.items()) if isinstance(each, dict) else each,
                )
        else:
            yield where, {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def number(value: float) -> str:
    """Four digits that count."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
