"""What all sections are, and the kinds of numbers in them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Hours = Annotated[float, Meta(gt=0)]
Days = Annotated[float, Meta(ge=0)]
Most = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0)]
Megabytes = Annotated[int, Meta(ge=0)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the sections; a field's documentation is its `Meta(description=...)`."""
