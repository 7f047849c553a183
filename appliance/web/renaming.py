"""An engine names the field of its job that is wrong; a client has to read the name that it sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from appliance.errors import ApplianceError, from_code


@contextmanager
def fields_named(**names: str) -> Iterator[None]:
    """Errors about a job's field leave with the name that the field has at this door."""
    try:
        yield
    except ApplianceError as error:
        if error.param not in names:
            raise
        raise from_code(error.code, error.message, names[error.param]) from error
