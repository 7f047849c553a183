"""Finished responses, so that the next request can go on from one of them by its id.

Kept in memory and bounded, in number and in bytes: the response unused for longest goes first, and all go with the
process.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from appliance.errors import NotFound

MOST: Final = 512
MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of all kept responses together, as JSON."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A response and what it answered, both in the words of the protocol."""

    id: str
    previous: str | None
    """The response that this one went on from."""
    input: list[dict[str, Any]]
    """Items of its own request, without those of the responses before it."""
    body: dict[str, Any]
    """The response as the client got it; its `output` is a list of items."""

    @property
    def items(self) -> list[dict[str, Any]]:
        """What it read and wrote itself, in order."""
        return [*self.input, *self.body["output"]]


class Responses:
    """Responses by id; `most` of them, in `most_bytes`."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes, self._bytes = most, most_bytes, 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._owners: dict[str, str] = {}
        self._decode = msgspec.json.Decoder(Kept).decode

    def keep(self, response: Kept) -> None:
        """Remember a response. One that is larger than all room is not kept."""
        encoded = msgspec.json.encode(response)
        if len(encoded) > self._most_bytes:
            return
        self._kept[response.id] = encoded
        self._bytes += len(encoded)
        for item in response.items:
            self._owners[item["id"]] = response.id
        while len(self._kept) > self._most or self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def get(self, response: str, param: str = "response_id") -> Kept:
        """A response by its id. Raises `NotFound` about `param`."""
        encoded = self._kept.get(response)
        if encoded is None:
            raise NotFound(f"There is no response {response[:128]!r}, or it is no longer kept.", param=param)
        self._kept.move_to_end(response)
        return self._decode(encoded)

    def chain(self, response: str, param: str, *, whole: bool = True) -> list[Kept]:
        """A response and all that it went on from, oldest first.

        Raises `NotFound` if one of them is gone; unless `whole`, only if `response` itself is.
        """
        found: list[Kept] = []
        wanted: str | None = response
        while wanted is not None:
            try:
                found.append(self.get(wanted, param))
            except NotFound as gone:
                if not found:
                    raise
                if not whole:
                    break
                raise NotFound(
                    f"The response {response!r} went on from {wanted!r}, which is no longer kept.", param=param
                ) from gone
            wanted = found[-1].previous
        return found[::-1]

    def items(self, wanted: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Those items of kept responses that there are, by their ids. Each response is looked at once."""
        owners: dict[str, set[str]] = {}
        for item in wanted:
            if owner := self._owners.get(item):
                owners.setdefault(owner, set()).add(item)
        return {
            each["id"]: each for owner, items in owners.items() for each in self.get(owner).items if each["id"] in items
        }

    def delete(self, response: str) -> None:
        """Forget a response. Raises `NotFound`."""
        self.get(response)
        self._drop(response)

    def _drop(self, response: str) -> None:
        encoded = self._kept.pop(response)
        self._bytes -= len(encoded)
        for item in self._decode(encoded).items:
            if self._owners.get(item["id"]) == response:
                del self._owners[item["id"]]
