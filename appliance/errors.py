"""Everything that can go wrong for a user, as one tree with one table of codes.

    ApplianceError
    ├── RequestError          the caller can mend it (4xx)
    │   ├── Unauthorized      no key, or none that is good (401)
    │   ├── Forbidden         not with this key, or not from that page (403)
    │   ├── NotFound          no such model, voice, route or object (404)
    │   ├── Conflict          not now, or not on this box (409)
    │   ├── TooLarge          over a size limit (413)
    │   ├── TooSlow           the request's body does not come (408)
    │   └── RateLimited       over a limit of the key's; try again later (429)
    └── Unavailable           the box cannot do it now; try again (503)
        ├── StorageFailed     the disk is full or failing (507, 503)
        ├── Overloaded        a bounded queue is full
        ├── EngineDown        the stage's worker died, stalled or is still starting
        └── DeadlineExceeded  a wait reached its deadline

`InternalError` is ours to mend (500). Every leaf says which field it is about (`param`) and carries a
stable `code` that clients may switch on; `CODES` lists them all, and a test holds the documentation against it.
"""

from __future__ import annotations

from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

CODES: Final = MappingProxyType(
    {
        # code: (HTTP status, what it means)
        "invalid_value": (400, "A field has the wrong type, form or range."),
        "missing_field": (400, "A required field is absent."),
        "unsupported_parameter": (400, "A field of the protocol that this box does not implement."),
        "audio_empty": (400, "The audio has no samples."),
        "audio_not_recognised": (400, "The bytes are not audio in any format that can be decoded."),
        "audio_truncated": (400, "The audio ends before the length that its header promises."),
        "audio_too_long": (400, "The audio is longer than `limits.audio_seconds`."),
        "audio_silent": (400, "No speech was found in the audio."),
        "audio_buffer_empty": (400, "A live session's audio buffer has too little audio to be committed."),
        "response_active": (400, "A response of the live session is not over yet."),
        "response_cancel_not_active": (400, "There is no response to cancel."),
        "text_empty": (400, "There is nothing to say in the text."),
        "text_too_long": (400, "The text is longer than `limits.speech_characters`."),
        "document_unsupported": (400, "The file's name does not end as that of any type that can be read."),
        "document_unreadable": (400, "The file is damaged, hostile, or not what its name says."),
        "document_encrypted": (400, "The file is locked with a password."),
        "document_empty": (400, "There is no text in the file, as in a scan."),
        "context_length_exceeded": (400, "Prompt and reply do not fit the model's context."),
        "missing_api_key": (401, "No key was sent."),
        "invalid_api_key": (401, "The key is unknown, has expired or has been revoked."),
        "insufficient_permissions": (403, "The key's role or scopes do not allow this."),
        "session_moved": (403, "The live conversation goes on over another connection, which asked for it."),
        "session_ended": (403, "An administrator has ended the conversation, or its user has deleted it."),
        "origin_refused": (403, "The page that asks is of an origin that is not in `http.origins`."),
        "voice_not_found": (404, "No installed voice has that name."),
        "model_not_found": (404, "No installed model has that name for this task."),
        "not_found": (404, "There is nothing at that address."),
        "method_not_allowed": (405, "That address does not take this method."),
        "request_timeout": (408, "The request's body did not arrive in time."),
        "under_way": (409, "Something of the kind is under way already; wait until it is over, or cancel it."),
        "not_here": (409, "This box is not set up for it; the message says what to do instead."),
        "body_too_large": (413, "The request body is larger than `limits.body_mb`."),
        "document_too_large": (413, "The document has too many characters, passages or pages."),
        "rate_limited": (429, "Over a limit of the key's; try again after `Retry-After` seconds."),
        "internal_error": (500, "A fault of the appliance; the log has the request id."),
        "overloaded": (503, "The stage's queue is full; try again after `Retry-After` seconds."),
        "engine_down": (
            503,
            "The stage is starting or being replaced; try again after `Retry-After` seconds.",
        ),
        "deadline_exceeded": (503, "The stage did not answer in time; try again."),
        "storage_full": (507, "The disk is full: nothing new is remembered; what was is kept and can be read."),
        "storage_failed": (503, "The disk or the database cannot be written; what was remembered is kept."),
    }
)


class ApplianceError(Exception):
    """Base of all. `message` is a sentence for the caller, `param` the field it is about, if any."""

    code: str = "internal_error"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        if code is not None:
            if code not in CODES:
                message = f"{code!r} is not in the table of codes"
                raise ValueError(message)
            self.code = code

    @property
    def status(self) -> int:
        """HTTP status, from the table."""
        return CODES[self.code][0]

    @property
    def type(self) -> str:
        """OpenAI's name for the family of the error."""
        if self.status >= 500:
            return "server_error"
        if self.status == 429:
            return "rate_limit_error"
        return "invalid_request_error"


class RequestError(ApplianceError):
    """The caller can mend it."""

    code = "invalid_value"


class Unauthorized(RequestError):
    """No key, or none that is good."""

    code = "invalid_api_key"


class Forbidden(RequestError):
    """Not with this key, or not from that page."""

    code = "insufficient_permissions"


class NotFound(RequestError):
    """No such model, voice, route or object."""

    code = "not_found"


class Conflict(RequestError):
    """Not while something else is under way, or not on this box."""

    code = "under_way"


class TooLarge(RequestError):
    """Over a size limit."""

    code = "body_too_large"


class TooSlow(RequestError):
    """The request's body does not come."""

    code = "request_timeout"


class RateLimited(RequestError):
    """Over a limit of the key's. `retry_after` is in whole seconds."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(ApplianceError):
    """The box cannot do it now. `retry_after` is in whole seconds."""

    code = "engine_down"
    retry_after: int = 1

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, retry_after: int = 1
    ) -> None:
        super().__init__(message, code=code, param=param)
        self.retry_after = retry_after


class StorageFailed(Unavailable):
    """The disk is full or failing."""

    code = "storage_failed"


class Overloaded(Unavailable):
    """A bounded queue is full."""

    code = "overloaded"


class EngineDown(Unavailable):
    """The stage's worker died, stalled or is still starting."""

    code = "engine_down"


class DeadlineExceeded(Unavailable):
    """A wait reached its deadline."""

    code = "deadline_exceeded"


class InternalError(ApplianceError):
    """A fault of ours."""


_BY_CODE: Final[dict[str, type[ApplianceError]]] = {
    **{
        cls.code: cls
        for cls in (NotFound, TooLarge, StorageFailed, Overloaded, EngineDown, DeadlineExceeded, InternalError)
    },
    "voice_not_found": NotFound,
    "model_not_found": NotFound,
    "document_too_large": TooLarge,
}


def from_code(code: str, message: str, param: str | None = None) -> ApplianceError:
    """Rebuild an error that crossed a process border as (code, message, param)."""
    cls = _BY_CODE.get(code, RequestError)
    return cls(message, code=code, param=param)


@contextmanager
def one_error(kind: type[Exception] = ApplianceError) -> Iterator[None]:
    """Around a task group: if an error of this kind, or of the tree, is among what went wrong, raise it alone."""
    try:
        yield
    except BaseExceptionGroup as group:
        matching, _ = group.split(kind)
        found: BaseException | None = matching
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        if found is None:
            raise
        raise found from None
