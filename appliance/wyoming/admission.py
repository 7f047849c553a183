"""Who may come in at a door without keys: whoever connects from an address in the settings, with the key there."""

from __future__ import annotations

import ipaddress
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.asking import USER
from appliance.callers.caller import Caller, caller_with, local_caller
from appliance.errors import Forbidden, NotFound, Unauthorized
from appliance.settings import SettingsError
from appliance.store.database import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.callers.caller import Needed
    from appliance.settings import Settings
    from appliance.wyoming.household import Household


@dataclass(frozen=True, slots=True)
class Guest:
    """Whoever is connected, and the box as they see it."""

    box: Household
    caller: Caller

    @contextmanager
    def request(self) -> Iterator[None]:
        """One of their requests, from its beginning to its end. Raises `RateLimited`."""
        self.box.meter.enter()
        USER.set(self.caller.owner.user)
        try:
            yield
        finally:
            self.box.meter.leave()


class Admission:
    """Of one box. Raises `SettingsError` where the settings would let in everybody, or do not say with which key."""

    def __init__(self, box: Household) -> None:
        self._box, self._key = box, box.settings.wyoming.key
        self._allowed = allowed(box.settings)

    def welcomes(self, address: str) -> bool:
        """Whether an address may connect. None is that of a socket in the file system, whose rights decide."""
        if not address:
            return True
        found = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self._allowed)

    async def guest(self, address: str, needed: Needed) -> Guest:
        """Whoever asks from there. Raises `Unauthorized` and `Forbidden` for what is wrong with the key."""
        caller = await self._caller(address)
        if not caller.may(needed):
            raise Forbidden(f"The key of the Wyoming door may not do this: it needs the scope {needed!r}.")
        return Guest(self._box.seen_by(await self._box.meters.of(caller)), caller)

    async def _caller(self, address: str) -> Caller:
        if not self._key:
            return local_caller(address)
        try:
            key = await self._box.keys.get(self._key)
        except NotFound:
            raise Unauthorized("wyoming.key: there is no such key.") from None
        if (state := key.state(now_ms())) != "active":
            raise Unauthorized(f"wyoming.key: the key is {state}.")
        self._box.keys.used(key)
        return caller_with(key, address, self._box.settings)


def allowed(settings: Settings) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Networks that may connect."""
    found = []
    for text in settings.wyoming.allow:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise SettingsError(f"wyoming.allow: {error}") from error
    if not settings.wyoming.key and not settings.http.open:
        raise SettingsError(
            "wyoming.key: give the id of the key that this door acts with; `appliance keys list` has it"
        )
    if not settings.wyoming.key and not all(network.is_loopback for network in found):
        raise SettingsError("wyoming.allow: a box without keys may be reached from this machine only; give wyoming.key")
    return found
