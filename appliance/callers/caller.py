"""Who asks, and what they may ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, get_args

from msgspec.structs import replace

from appliance.settings import Allowance, Settings
from appliance.store.owners import LOCAL, Owner

if TYPE_CHECKING:
    from appliance.store.keys import Key
    from appliance.store.owners import Role

Scope = Literal["audio", "text", "voice", "history", "knowledge", "metrics", "admin"]
"""What a key can be good for, by the doors that it opens."""
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
Needed = Scope | Literal["any", "open"]
"""What a door wants to see: one of the scopes, any key that is good, or nothing."""

USUAL: Final[dict[Role, frozenset[Scope]]] = {
    "user": frozenset(("audio", "text", "voice", "history", "knowledge")),
    "admin": frozenset(SCOPES),
}
"""Of a key that names none."""
GRANTABLE: Final[dict[Role, frozenset[Scope]]] = {
    "user": USUAL["user"] | {"metrics"},
    "admin": USUAL["admin"],
}
"""Those that a key of the role may name."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever is behind a request."""

    owner: Owner
    scopes: frozenset[str]
    key: str = ""
    """Id of the key that was shown; empty in open mode."""
    address: str = ""
    allowance: Allowance = field(default_factory=Allowance)
    sign_in: bytes = b""
    """Digest of the cookie that was shown, if it was one."""
    until_ms: int | None = None
    """When the key ends, in milliseconds since the epoch; None: never."""

    def may(self, needed: Needed) -> bool:
        """Whether a door that needs this is open to them."""
        return needed in ("any", "open") or needed in self.scopes

    @property
    def actor(self) -> str:
        """Their name in the audit log."""
        return f"{self.owner.user}/{self.key}" if self.key else self.owner.user


def caller_with(key: Key, address: str, settings: Settings) -> Caller:
    """Whoever shows this key."""
    allowed = GRANTABLE[key.role]
    usual: Allowance = settings.admin_limits if key.role == "admin" else settings.user_limits
    return Caller(
        key.owner, frozenset(key.scopes) & allowed if key.scopes else USUAL[key.role], key.id, address,
        replace(usual, **{name: most for name, most in key.limits.items() if name in usual.__struct_fields__}),
        until_ms=key.expires_ms,
    )  # fmt: skip


def local_caller(address: str) -> Caller:
    """Whoever reaches an open box."""
    return Caller(LOCAL, USUAL["admin"], address=address)
