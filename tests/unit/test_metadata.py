"""The bounds of the metadata that a client may give a response, on both doors."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import RequestError
from appliance.web.realtime.wire_session import ResponseBody
from appliance.web.wire_response_items import converted
from appliance.web.wire_responses import ResponseRequest

BODIES = [(ResponseBody, {}), (ResponseRequest, {"input": "hi"})]


@pytest.mark.parametrize(("body", "more"), BODIES)
@pytest.mark.parametrize("metadata", [{"k" * 65: "v"}, {"k": "v" * 513}, {str(number): "" for number in range(17)}])
def test_what_is_too_much_is_refused(body: Any, more: dict[str, Any], metadata: dict[str, str]) -> None:
    with pytest.raises(RequestError, match=r"metadata.* <= (64|512|16)|<= 64.*metadata"):
        converted({**more, "metadata": metadata}, body, "response")


@pytest.mark.parametrize(("body", "more"), BODIES)
def test_the_most_that_may_be_given(body: Any, more: dict[str, Any]) -> None:
    metadata = {f"{number:064}": "v" * 512 for number in range(16)}
    assert converted({**more, "metadata": metadata}, body, "response").metadata == metadata
