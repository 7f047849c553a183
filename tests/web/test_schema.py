"""Every door against its own description: whatever a client sends, the answer is one that the schema promises.

Requests come from Schemathesis: good ones, bad ones, and ones at the edges of the schema. They are the same each time;
`make soak` sends more of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from scripted import END, ScriptedStage, doors, furnished
from test_identity import appliance, bearer

from appliance.callers.names import Names
from appliance.errors import CODES
from appliance.jobs import Audio, Embed, Embedding, Generate, Heard, Segment, Speak, Token, Transcribe
from appliance.voice.stages import Stages
from appliance.web.doors import DOORS
from appliance.web.identity.guard import NEEDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from appliance.jobs import AnyJob

pytestmark = pytest.mark.long

PATIENCE_SECONDS: Final = 60
"""More than the box has for anything: it says so itself when it took too long."""
BUSY: Final = (503, 507)
NOWHERE: Final = (404, 405)
"""Also where a generated path leads to no door."""
OPEN: Final = {path for door in DOORS if door.opt[NEEDS] == "open" for path in door.paths}
ROUTES: Final = sorted(
    (method, re.sub(r":\w+", "", path))
    for door in DOORS
    if hasattr(door, "http_methods")
    and getattr(door, "include_in_schema", True) is not False  # the page is for browsers alone
    for path in door.paths
    for method in door.http_methods
    if method != "HEAD"
)
REPEATABLE: Final[dict[str, Any]] = {
    "derandomize": True, "database": None, "deadline": None, "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}  # fmt: skip
"""The same requests each time; the first that fails is shown as it is."""
CHECKS: Final = [status_code_conformance, content_type_conformance, response_schema_conformance]


async def play(job: AnyJob, number: int) -> AsyncIterator[Any]:
    """A little of what each stage would say."""
    match job:
        case Transcribe():
            yield Heard(seconds=1.0, language="en", language_probability=1.0)
            yield Segment(id=0, start=0.0, end=1.0, text=" Hello.")
        case Generate():
            yield Token(text="Hello.")
            yield END
        case Embed():
            for index in range(len(job.texts or job.tokens)):
                yield Embedding(index=index, dimensions=2, tokens=1), bytes(8)
        case Speak():
            yield Audio(samples=240), bytes(480)
        case _:
            pass


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A box with keys, and the key of an admin."""
    folder = tmp_path_factory.mktemp("schema")
    stage = ScriptedStage(play)
    names = Names(stt="ears", llm="brain", voices={"joe": "mouth"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("appliance.callers.failures.LONGEST_SECONDS", 0.0)
        with furnished({"store": {"dir": str(folder)}}, Stages(stage, stage, stage, stage), names) as url:
            yield url, appliance("keys", "create", "root", "--role", "admin", "--state-dir", str(folder))


@pytest.fixture(scope="module")
def client(server: tuple[str, str]) -> Iterator[requests.Session]:
    """One connection that shows the key."""
    with requests.Session() as session:
        session.headers.update(bearer(server[1]))
        yield session


@pytest.fixture(scope="module")
def stranger() -> Iterator[requests.Session]:
    """One that shows none."""
    with requests.Session() as session:
        yield session


@pytest.fixture(scope="module")
def schema(server: tuple[str, str]) -> Any:
    """What the box says of itself."""
    load_all_checks()
    schema = schemathesis.openapi.from_url(f"{server[0]}/schema/openapi.json", headers=bearer(server[1]))
    schema.config.generation.update(with_security_parameters=False)  # keys are ours to send
    return schema


@pytest.fixture(scope="module")
def check(client: requests.Session, stranger: requests.Session) -> Callable[[Any], None]:
    """Sends a request with the key and without, and holds the answers to what is promised."""

    def hold(case: Any) -> None:
        answer = case.call(session=client, timeout=PATIENCE_SECONDS)
        case.validate_response(answer, checks=CHECKS)
        assert answer.status_code < 500 or answer.status_code in BUSY
        if answer.status_code >= 400 and case.path != "/health/ready":
            refused(answer)
        if case.path not in OPEN and answer.status_code not in NOWHERE:
            answer = case.call(session=stranger, timeout=PATIENCE_SECONDS)
            assert (answer.status_code, refused(answer)) == (401, "missing_api_key")

    return hold


def refused(answer: Any) -> str:
    """The code of an error, which is one of the table."""
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert CODES[error["code"]][0] == answer.status_code
    return str(error["code"])


def send(schema: Any, method: str, path: str, number: int, check: Callable[[Any], None]) -> None:
    """So many requests to one door, half of them wrong, and each is checked."""
    door = schema[path][method]
    cases = strategies.one_of([door.as_strategy(generation_mode=mode) for mode in GenerationMode])

    @settings(**REPEATABLE, max_examples=number)
    @given(cases)
    def each(case: Any) -> None:
        check(case)

    each()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_request_breaks_a_door(schema: Any, check: Callable[[Any], None], method: str, path: str) -> None:
    send(schema, method, path, 12, check)


def test_a_door_that_breaks_is_seen(schema: Any, check: Callable[[Any], None]) -> None:
    with doors(stage=ScriptedStage([ValueError()])) as url:
        broken = schemathesis.openapi.from_url(f"{url}/schema/openapi.json")
        with pytest.raises(AssertionError):
            send(broken, "POST", "/v1/completions", 12, check)


@pytest.mark.soak
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_request_of_many_breaks_a_door(schema: Any, check: Callable[[Any], None], method: str, path: str) -> None:
    send(schema, method, path, 60, check)
