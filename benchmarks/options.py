"""What `appliance bench` may be told: options, and which part takes which beside those that all take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from appliance.cli.options import PLACES, STATE_DIR
from benchmarks.parts import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable

state_dir_option = click.option(
    "--state-dir", type=click.Path(file_okay=False, path_type=Path), default=STATE_DIR, show_default=True,
    envvar=None if PLACES.released() else "STATE",
    help="Folder of the models, on the disk that is measured. Nothing else in it is touched.",
)  # fmt: skip
sessions_option = click.option(
    "--sessions", type=click.IntRange(2, 512), multiple=True,
    help="Live conversations at once, beside one alone; may be repeated.  [default: 2, 4]",
)  # fmt: skip
encoder_option = click.option(
    "--encoder", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
    help="GGUF file that makes vectors, in place of the box's own.",
)  # fmt: skip
minutes_option = click.option(
    "--minutes", type=click.FloatRange(min=0.1), default=None,
    help="So long; a search at most, a soak when it is warm.  [default: 30]",
)  # fmt: skip
think_option = click.option("--think", default=3.0, show_default=True, help="Seconds that people think, on average.")
limit_option = click.option(
    "--limit", default=2.0, show_default=True, help="Seconds, voice to voice, that 95 of 100 turns have to keep."
)
speakers_option = click.option(
    "--speakers", type=click.IntRange(1), default=None,
    help="So many people.  [default: 80 % of what the box is found to carry]",
)  # fmt: skip
carried_option = click.option(
    "--carried", type=click.IntRange(1), default=None,
    help="People that the box carries, as `appliance bench capacity` has found, to compare with.",
)  # fmt: skip
stages_option = click.option(
    "--stages", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
    help="Start from the stages in this result, in place of measuring them.",
)  # fmt: skip
EXTRA: Final[dict[str, tuple[Callable[..., Any], ...]]] = {
    "all": (
        sessions_option,
        click.option("--only", type=click.Choice(tuple(PARTS)), multiple=True, help="This part; may be repeated."),
    ),
    "turn": (sessions_option,),
    "retrieval": (encoder_option,),
    "capacity": (minutes_option, limit_option, think_option),
    "model": (limit_option, think_option, carried_option, stages_option),
    "soak": (minutes_option, think_option, speakers_option),
}
