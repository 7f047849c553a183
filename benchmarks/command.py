"""`appliance bench`: measure this machine, and look at what was measured."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from appliance.cli.options import PLACES, config_of, config_option, load_settings
from benchmarks.options import EXTRA, limit_option, state_dir_option
from benchmarks.parts import PARTS, USUAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.result import Result

CHECKOUT: Final = Path(__file__).parents[1]
SPEECH: Final = CHECKOUT.parent / "shared/speech"


class Parts(click.Group):
    """Commands in the order in which they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """As they were added."""
        return list(self.commands)


@click.group(
    cls=Parts,
    short_help="Measure this machine: how fast it hears, thinks, speaks and answers.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
def bench() -> None:
    """Measure this machine with the models and settings that are installed: what it is good for, and for how many.

    Boxes of the benchmark's own are started for it, on loopback, with nothing kept and nobody else let in. A service
    that runs shares the machine with them, and they with it: best stop it meanwhile. Medians are shown with their
    spread; ratios are of what was measured side by side, and are what two runs can be compared by. The end is a table,
    a file of JSON with every sample, and a report (HTML, PNG) where matplotlib is installed.

    \b
    appliance bench all                          # the parts below up to bargein: a quarter of an hour on two cores
    appliance bench turn --sessions 8 --sessions 16
    appliance bench all --only stt --only llm --quick   # to see that it works, not to quote
    appliance bench compare before.json after.json --fail-on-slower 10
    appliance bench report result.json           # a report of JSON from elsewhere, such as a box without matplotlib
    """


def _measuring(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of whatever measures."""
    options = (
        click.option("--quick", is_flag=True, help="Few rounds: to see that it works, not to quote."),
        click.option(
            "--speech", type=click.Path(file_okay=False, exists=True, path_type=Path), default=None,
            help="Folder of recorded speech; words from transcripts.tsv (columns file, transcript) or NAME.txt."
            "  [default: ../shared/speech if it is there, else the box's own voice asks]",
        ),
        click.option(
            "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), default=None,
            help="Keep the figures in this file, in place of a name of its own in --out.",
        ),
        click.option(
            "--out", type=click.Path(file_okay=False, path_type=Path), default=None,
            help=f"Folder for JSON and report.  [default: {os.path.relpath(_out())}]",
        ),
        click.option("--report/--no-report", default=True, show_default=True, help="Also make HTML and PNG."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return state_dir_option(config_option(command))


def _out() -> Path:
    """In a checkout where results are kept, else below the folder in which one works."""
    return CHECKOUT / "benchmarks/results" if (CHECKOUT / ".git").exists() else Path("bench-results")


def _add(name: str, summary: str, parts: tuple[str, ...]) -> None:
    def measure(
        quick: bool, speech: Path | None, json_file: Path | None, out: Path | None, report: bool, config: Path | None,
        state_dir: Path, only: tuple[str, ...] = (), **given: Any,
    ) -> None:  # fmt: skip
        names = tuple(name for name in PARTS if name in (only or parts))
        renamed = {"limit": "limit_seconds", "think": "think_seconds"}
        given = {renamed.get(option, option): value for option, value in given.items()}
        _run(names, config, state_dir, speech, json_file, out or _out(), report=report, quick=quick, **given)

    command: Any = _measuring(measure)
    for option in EXTRA.get(name, ()):
        command = option(command)
    bench.command(name, help=summary)(command)


_add("all", f"Everything in the usual order: {', '.join(USUAL)}.", USUAL)
for _name, _part in PARTS.items():
    _add(_name, _part.summary, (_name,))


def _run(
    parts: tuple[str, ...], config: Path | None, state_dir: Path, speech: Path | None, json_file: Path | None,
    out: Path, *, report: bool, quick: bool, **given: Any,
) -> None:  # fmt: skip
    from appliance.catalog.faults import CatalogError
    from appliance.catalog.lineup import lineup
    from appliance.settings import SettingsError
    from benchmarks.bench import Bench
    from benchmarks.running import run, table

    settings = load_settings(config, state_dir)
    try:
        models = lineup(settings)
    except (SettingsError, CatalogError) as error:
        raise click.ClickException(str(error)) from error
    _writable(json_file.parent if json_file else out)
    made = Bench(
        settings, models, scratch=_scratch(state_dir), config=config_of(config, state_dir), quick=quick,
        recordings=speech or (SPEECH if SPEECH.is_dir() and not PLACES.released() else None), **given,
    )  # fmt: skip
    try:
        result, whole = run(made, parts)
    finally:
        made.close()
    file = json_file or out / f"{result.name}.json"
    result.keep(file)
    if len(parts) > 1:
        for part in result.parts:
            for line in table(part):
                click.echo(line)
    click.echo(f"\nfigures: {file}")
    if report:
        _report([file], file.parent)
    if not whole:
        raise SystemExit(1)


def _writable(folder: Path) -> None:
    """Said before anything is measured, not after."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"{folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise click.ClickException(f"{folder}: cannot be written to")


def _scratch(state_dir: Path) -> Path:
    """On the box's disk where it may be written, else where the system has room for what is not kept."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir())
    return state_dir.absolute() if os.access(state_dir, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


json_argument = click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)


@bench.command()
@json_argument
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder.  [default: beside each file]"
)
def report(files: tuple[Path, ...], out: Path | None) -> None:
    """Make the report of each of FILES, which `appliance bench` wrote here or elsewhere: HTML and PNG."""
    from benchmarks.plots import installed

    if not installed():
        raise click.ClickException("A report needs matplotlib: pip install 'voice-appliance[plots]', or a checkout.")
    for file in files:
        _report([file], out or file.parent)


def _report(files: list[Path], folder: Path) -> None:
    from benchmarks import report as reports
    from benchmarks.plots import installed
    from benchmarks.result import read

    for file in files:
        if not installed():
            click.echo(
                f"no report, as matplotlib is not installed here; on another machine: appliance bench report {file}"
            )
            return
        for made in reports.write(read(file), folder, file.stem):
            click.echo(f"report:  {made}")


@bench.command()
@click.argument("before", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("after", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--fail-on-slower", type=click.FloatRange(min=0), default=None, metavar="PERCENT",
    help="Exit with 1 if a figure is beyond doubt worse by more than this, or not there any more.",
)  # fmt: skip
@click.option(
    "--floor", type=click.FloatRange(min=0), default=5.0, show_default=True, metavar="PERCENT",
    help="Changes up to this are the machine's mood.",
)  # fmt: skip
@click.option("--only-told", is_flag=True, help="Leave out the figures of which nothing can be told.")
def compare(before: Path, after: Path, fail_on_slower: float | None, floor: float, only_told: bool) -> None:
    """Say of each figure in both results: faster, slower, or cannot tell, by the spread of their samples.

    A verdict needs five samples on each side, an interval of the ratio of medians (99 of 100) without 1 in it, and a
    change above --floor. It warns where the two were not measured on and with the same.
    """
    from benchmarks import compare as comparing
    from benchmarks.result import read

    one, other = read(before), read(after)
    for warning in comparing.warnings(one, other):
        click.echo(f"warning: {warning}", err=True)
    found = comparing.compare(one, other, floor)
    if not found:
        raise click.ClickException("They have no figure in common.")
    for each in found:
        if not only_told or each.verdict != "cannot tell":
            click.echo(each.row())
    counts = {verdict: sum(each.verdict == verdict for each in found) for verdict in comparing.VERDICTS}
    click.echo(f"\n{len(found)} figures: " + ", ".join(f"{count} {name}" for name, count in counts.items() if count))
    lost = [each for each in found if each.lost and fail_on_slower is not None and each.loss_percent > fail_on_slower]
    gone = comparing.gone(one, other) if fail_on_slower is not None else []
    if gone:
        click.echo(f"not measured any more: {', '.join(gone)}")
    if lost:
        worst = max(lost, key=lambda each: each.loss_percent)
        click.echo(
            f"{len(lost)} worse by more than {fail_on_slower:g} %: {worst.after.name} by {worst.loss_percent:.0f} %"
        )
    if lost or gone:
        raise SystemExit(1)


@bench.command()
@limit_option
def cards(limit: float) -> None:
    """Print how many people named GPUs would carry: computed from their makers' figures, never run."""
    from benchmarks import paper

    click.echo(paper.page(limit))


@bench.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--write", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None, metavar="README",
    help="Put it between the markers in this file, in place of printing it.",
)  # fmt: skip
def readme(file: Path, write: Path | None) -> None:
    """Print the README's table of figures, and what they were measured on, from the result FILE."""
    from benchmarks import readme as block
    from benchmarks.result import read

    result: Result = read(file)
    picture = file.with_suffix(".png")
    lines = block.block(result, picture if picture.is_file() else None, beside=write.parent if write else Path())
    if write is None:
        click.echo(lines)
    else:
        write.write_text(block.replaced(write.read_text(), lines))
        click.echo(f"{write}: the table is that of {file}")
