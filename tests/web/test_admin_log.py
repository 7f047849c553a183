"""The newest lines of the log at their door: a real box in a process of its own, and its own requests among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from conftest import serving

if TYPE_CHECKING:
    from pathlib import Path


def test_what_a_box_logs_is_told_in_order_and_its_page_is_not(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as (_, url):
        first = httpx.get(f"{url}/v1/admin/logs?limit=2000").raise_for_status().json()
        assert "listening" in [line["event"] for line in first["data"]]
        assert [line["number"] for line in first["data"]] == sorted(line["number"] for line in first["data"])
        assert not first["lost"]
        asked = httpx.get(f"{url}/v1/models?secret=yes")
        httpx.get(f"{url}/v1/admin/logs?level=nobody")
        more = httpx.get(f"{url}/v1/admin/logs", params={"after": first["next"]}).json()
        again = httpx.get(f"{url}/v1/admin/logs", params={"after": more["next"]}).json()
    requests = [line for line in more["data"] if line["event"] == "request"]
    assert [(line["fields"]["path"], line["fields"]["status"]) for line in requests] == [
        ("/v1/models", 200), ("/v1/admin/logs", 400)
    ]  # fmt: skip
    line = requests[0]
    assert line["fields"]["request_id"] == asked.headers["x-request-id"]
    assert (line["level"], line["logger"], line["cut"]) == ("info", "appliance.web.gate", False)
    assert more["began_at"] == first["began_at"] < line["at"]
    assert again["data"] == []
    assert again["next"] == more["next"]
    assert "secret" not in str(more)
