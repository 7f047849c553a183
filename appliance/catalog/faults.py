"""What can go wrong with models, each message a sentence that says how to mend it.

CatalogError
├── ManifestError   a manifest or the list of sets is wrong
├── Unreachable     a package index or the model hub did not deliver
├── Damaged         bytes are not what the manifest or the lock file says
├── NoSpace         the disk is too small
└── ModelsMissing   a set cannot be served because some of its models are not installed
"""

from __future__ import annotations


class CatalogError(Exception):
    """Base of all; `str()` of it is the sentence for the administrator."""


class ManifestError(CatalogError):
    """A manifest or the list of sets is wrong."""


class Unreachable(CatalogError):
    """A package index or the model hub did not deliver."""

    ADVICE = (
        "Check the network, the proxy and the mirror that are configured for this machine, then run the same "
        "command again: what is already downloaded is kept. For a box without a network, run "
        "`appliance models pull` on a machine that has one and take its models folder over with "
        "`appliance models import DIR`."
    )

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}\n{self.ADVICE}")


class Damaged(CatalogError):
    """Bytes are not what the manifest or the lock file says."""


class NoSpace(CatalogError):
    """The disk is too small."""


class ModelsMissing(CatalogError):
    """A set cannot be served: the message lists what is missing and the command that fetches it."""
