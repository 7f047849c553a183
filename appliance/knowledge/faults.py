"""What can be wrong with a document, each as the error that its sender reads."""

from __future__ import annotations

from typing import Final

from appliance.errors import RequestError, TooLarge

PARAM: Final = "file"


def unsupported(message: str) -> RequestError:
    """Its type is not known."""
    return RequestError(message, code="document_unsupported", param=PARAM)


def unreadable(message: str) -> RequestError:
    """It is damaged, hostile, or not what its name says."""
    return RequestError(message, code="document_unreadable", param=PARAM)


def encrypted(message: str) -> RequestError:
    """It needs a password."""
    return RequestError(message, code="document_encrypted", param=PARAM)


def empty(message: str) -> RequestError:
    """It has no text."""
    return RequestError(message, code="document_empty", param=PARAM)


def too_large(message: str) -> TooLarge:
    """It has more of something than it may have."""
    return TooLarge(message, code="document_too_large", param=PARAM)
