"""Load on a box from outside, with its real protocols, by Locust: people in live conversation, spoken turns, chats.

It needs nothing of the appliance's own, so that another machine can run it with Python 3.11 and `load.lock`. The key is
in the variable APPLIANCE_KEY or in the file that --key-file names. At its end it says whether the goals were kept, and
the exit status is 1 if not. Locust keeps times to 10 ms, and to 100 ms from a second on.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import requests
from locust import events

sys.path.insert(0, str(Path(__file__).parents[2]))  # Locust loads this file alone

from benchmarks.load.asking import TURN, Asker, Typist
from benchmarks.load.person import ANSWER_SECONDS, SETUP, BoxError, checked, headers
from benchmarks.load.recordings import RecordingError, samples
from benchmarks.load.speaker import LIVE, Speaker

__all__ = ["Asker", "Speaker", "Typist"]

LAG_SECONDS = 0.25
"""A microphone that is so late says that this machine is too slow for its users."""
SAID = (
    "Why is the sky blue?", "What is the best part of the week?", "Tell me about the sea.", "How do birds fly?",
)  # fmt: skip


@events.init_command_line_parser.add_listener
def options(parser: Any) -> None:
    """Its own, beside Locust's."""
    parser.add_argument(
        "--speech", default="", help="Folder of WAV files that are said; else the box's own voice asks."
    )
    parser.add_argument("--key-file", default="", help="File with a key of the box, in place of APPLIANCE_KEY.")
    parser.add_argument("--think", type=float, default=3.0, help="Seconds that people think, on average.")
    parser.add_argument("--goal-p95", type=float, default=2.0, help="Voice to voice that 95 of 100 turns keep, in s.")
    parser.add_argument("--goal-errors", type=float, default=0.1, help="Most errors, in percent.")


@events.test_start.add_listener
def prepare(environment: Any, **_: Any) -> None:
    """Read the key and the recordings before anybody begins."""
    told = environment.parsed_options
    SETUP.key = Path(told.key_file).read_text().strip() if told.key_file else os.environ.get("APPLIANCE_KEY") or None
    files = [file.read_bytes() for file in sorted(Path(told.speech).glob("*.wav"))] if told.speech else []
    if told.speech and not files:
        sys.exit(f"load: --speech: {told.speech} has no WAV file")
    if not files and environment.host:
        try:
            files = [_own_voice(environment.host, text) for text in SAID]
        except (BoxError, requests.RequestException) as error:
            sys.exit(f"load: {environment.host} cannot be asked to speak ({error}): name recordings with --speech")
    try:
        SETUP.files, SETUP.pcm = files, [samples(file) for file in files]
    except RecordingError as error:
        sys.exit(f"load: --speech: {error}")


def _own_voice(host: str, text: str) -> bytes:
    body = {"input": text, "response_format": "wav"}
    answer = requests.post(f"{host}/v1/audio/speech", json=body, headers=headers(), timeout=ANSWER_SECONDS)
    return bytes(checked(answer).content)


@events.quitting.add_listener
def judge(environment: Any, **_: Any) -> None:
    """Say whether the goals were kept; where there are workers, the master knows."""
    if hasattr(environment.runner, "master"):
        return
    told, total, kept = environment.parsed_options, environment.stats.total, True
    for name, kind in ((LIVE, "WS"), (TURN, "POST")):
        entry = environment.stats.get(name, kind)
        if entry.num_requests > entry.num_failures:
            p95 = entry.get_response_time_percentile(0.95) / 1000
            kept &= p95 <= told.goal_p95
            print(f"{name}: 95 of 100 within {p95:.2f} s of {told.goal_p95:g} s, {entry.num_requests} turns")
    share = 100 * total.fail_ratio
    kept &= share <= told.goal_errors and total.num_requests > total.num_failures
    print(f"errors: {total.num_failures} of {total.num_requests} ({share:.2f} %; goal {told.goal_errors:g} %)")
    if SETUP.late > LAG_SECONDS:
        print(
            f"a microphone was {SETUP.late:.2f} s late: this machine is too slow for so many, and its figures with it"
        )
    print("the goals are kept" if kept else "the goals are NOT kept")
    environment.process_exit_code = 0 if kept else 1
