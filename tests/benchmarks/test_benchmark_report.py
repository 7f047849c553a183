"""Reports: one file that loads nothing and is well-formed, a picture, and the README's table."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from click.testing import CliRunner
from made_up import result

from benchmarks import plots, readme, report
from benchmarks.command import bench
from benchmarks.figures import Figure
from benchmarks.result import Part

EVIL = "<script>alert('x')</script>&\"'"


class Loads(HTMLParser):
    """Everything that a browser would fetch, and each id."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "srcset", "data", "action", "poster", "href", "xlink:href") and not (
                value or ""
            ).startswith("#"):
                self.fetched.append(f"{tag} {name}={value}")


@pytest.fixture(scope="module")
def page() -> str:
    whole = result(processor={"model": EVIL, "architecture": "x86_64", "cores": 2})
    whole.parts[0].notes.append(EVIL)
    whole.parts[0].figures.append(Figure(EVIL, 1.0, EVIL))
    return report.html(whole)


def test_a_page_loads_nothing(page: str) -> None:
    seen = Loads(page)
    assert seen.fetched == []
    assert {"script", "link", "iframe", "img", "object", "embed", "base"}.isdisjoint(seen.tags)
    assert not re.search(r"@import|url\((?!#)", page)
    assert seen.tags.count("svg") == 6
    assert len(seen.ids) == len(set(seen.ids))
    named = set(re.findall(r'(?:href="|url\()#([^")]+)', page))
    assert named <= set(seen.ids)


def test_a_page_is_well_formed_and_shows_everything(page: str) -> None:
    ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314 - our own
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 3
    for words in ("A Card", "whisper-base", "turn_staged_over_live", "prefers-color-scheme", "width=device-width"):
        assert words in page, words


def test_a_result_of_one_part_has_its_pictures_only() -> None:
    whole = result()
    whole.parts = [part for part in whole.parts if part.name in ("stt", "bargein")]
    assert [title for title, _ in plots.svgs(whole)] == ["Understanding an utterance by its length"]
    whole.parts = [Part("bargein")]
    assert plots.png(whole) is None
    assert "<h2>bargein</h2>" in report.html(whole)


def test_the_command_writes_a_page_and_a_picture(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    result().keep(file)
    told = CliRunner().invoke(bench, ["report", str(file), "--out", str(tmp_path / "made")])
    assert told.exit_code == 0, told.output
    picture = (tmp_path / "made/mine.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert picture.rstrip().endswith(b"IEND\xaeB`\x82")
    assert (tmp_path / "made/mine.html").read_text().startswith("<!DOCTYPE html>")


def test_without_matplotlib_it_says_where_a_report_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda _: None)
    file = tmp_path / "mine.json"
    result().keep(file)
    told = CliRunner().invoke(bench, ["report", str(file)])
    assert told.exit_code == 1
    assert "matplotlib" in told.output
    assert not list(tmp_path.glob("*.html"))


def test_the_readmes_table_goes_between_its_markers(tmp_path: Path) -> None:
    file, page = tmp_path / "results/mine.json", tmp_path / "README.md"
    result().keep(file)
    file.with_suffix(".png").write_bytes(b"")
    page.write_text(f"# Before\n\n{readme.BEGIN}\nold\n{readme.END}\n\nAfter\n")
    printed = CliRunner().invoke(bench, ["readme", str(file)])
    assert "| voice to voice, median, 4 conversations at once |" in printed.output
    assert "A Processor, 2 cores, 8 GB, A Card" in printed.output
    for _ in range(2):
        told = CliRunner().invoke(bench, ["readme", str(file), "--write", str(page)])
        assert told.exit_code == 0, told.output
    text = page.read_text()
    assert text.startswith("# Before\n\n" + readme.BEGIN)
    assert text.endswith(readme.END + "\n\nAfter\n")
    assert "old" not in text
    assert "](results/mine.png)" in text
    with pytest.raises(click.ClickException, match="needs the lines"):
        readme.replaced("nothing", "x")
