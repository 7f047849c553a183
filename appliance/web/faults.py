"""Every error that leaves the box has OpenAI's shape, from the one table in `appliance.errors`."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)

from appliance import logs, metrics
from appliance.errors import (
    CODES,
    ApplianceError,
    InternalError,
    NotFound,
    RateLimited,
    RequestError,
    TooLarge,
    Unauthorized,
    Unavailable,
    one_error,
)

log = logs.logger(__name__)

for _code in CODES:  # so that the first of each is an increase
    metrics.ERRORS.labels(_code)

FIELD: Final = re.compile(r"\$\.([\w.\[\]]+)")
MISSING: Final = re.compile(r"missing required field `(\w+)`")


class ErrorBody(msgspec.Struct, frozen=True):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The body of every answer that is not a success."""

    error: ErrorBody


def told(error: ApplianceError) -> None:
    """A client is told of an error, at whichever door: it counts here, and nowhere else."""
    metrics.ERRORS.labels(error.code).inc()


def body(error: ApplianceError) -> ErrorAnswer:
    """The error as clients see it. It counts as told."""
    told(error)
    return ErrorAnswer(ErrorBody(error.message, error.type, error.param, error.code))


def headers(error: ApplianceError) -> dict[str, str]:
    """`Retry-After` where trying again makes sense, and what kind of key is wanted."""
    if isinstance(error, Unauthorized):
        return {"www-authenticate": "Bearer"}
    return {"retry-after": str(error.retry_after)} if isinstance(error, Unavailable | RateLimited) else {}


def classify(error: Exception, path: str, limit_mb: int) -> ApplianceError:
    """Find an error's place in the tree; what has none is a fault of ours, and is logged by place."""
    try:
        with one_error():
            raise error
    except ApplianceError as known:
        return known
    except RecursionError:
        return RequestError("The request's JSON is nested too deeply.", param="body")
    except UnicodeError:  # such text cannot be in JSON, only in a form that names another charset
        return RequestError("A field of the form is not UTF-8 text.")
    except LookupError as unknown:
        if type(unknown) is LookupError:  # what `decode` says of a charset that it does not know
            return RequestError("A field of the form is not UTF-8 text.")
    except ValidationException as invalid:
        return _invalid(invalid)
    except NotFoundException:
        return NotFound(f"There is nothing at {path}.")
    except MethodNotAllowedException:
        return RequestError(f"{path} does not take this method.", code="method_not_allowed")
    except HTTPException as other:
        if other.status_code == 413:
            return TooLarge(f"The request body is over the limit of {limit_mb} MB.")
        if isinstance(other, ClientException) or other.status_code < 500:
            return RequestError(other.detail or "The request cannot be read.")
    except Exception:  # noqa: BLE001, S110 - logged below, with all that have no place
        pass
    log.error("request failed", path=path, **logs.place_of(error))
    return InternalError("The appliance failed on this request; its log has the request id.")


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorAnswer]:
    """Litestar's handler for all exceptions."""
    limit = request.app.state.box.settings.limits.body_mb
    known = classify(error, request.scope["path"], limit)  # a URL would be made of the Host header
    return Response(body(known), status_code=known.status, headers=headers(known), media_type="application/json")


def missing_field(message: str, where: str) -> RequestError | None:
    """The error for msgspec's word of a missing field, if it is one; `where` goes before the field's name."""
    missing = MISSING.search(message)
    if missing is None:
        return None
    field = where + missing[1]
    return RequestError(f"The field {field!r} is missing.", code="missing_field", param=field)


def _invalid(error: ValidationException) -> RequestError:
    extra = error.extra
    first = extra[0] if isinstance(extra, list) and extra else {}
    message, key = str(first.get("message", error.detail)), first.get("key")
    message = message.removesuffix(f" - at `$.{key}`")
    if missing := missing_field(message, "" if key in (None, "data") else f"{key}."):
        return missing
    if key in (None, "data"):  # the name of a handler's argument, which no client knows
        if message == "'data'" or message.startswith("Missing required"):
            return RequestError("The request has no body.", code="missing_field", param="body")
        found = FIELD.search(message)
        key = found[1] if found else "body"
    if "Unsupported type: <class 'str'>" in message:
        message = "send it as a file with a file name"
    return RequestError(f"{key}: {message}", param=key)
