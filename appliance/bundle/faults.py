"""What can go wrong with bundles.

BundleError     a sentence for the administrator
└── BadBundle   a file is not a bundle, or not the one that was made or signed
"""

from __future__ import annotations


class BundleError(Exception):
    """Base of both; `str()` of it is the sentence for the administrator."""


class BadBundle(BundleError):
    """A file is not a bundle, or not the one that was made or signed."""
