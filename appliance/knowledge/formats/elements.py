"""HTML's elements, by what a reader sees of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSEEN: Final = frozenset({
    "script", "style", "nav", "noscript", "template", "svg", "iframe", "object", "canvas", "select", "button",
    "textarea", "audio", "video", "datalist"
})  # fmt: skip
VOID: Final = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"
})  # fmt: skip
"""They have no end."""
APART: Final = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
    "legend", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "title",
    "ul"
})  # fmt: skip
"""They begin a paragraph and end one."""
HEADINGS: Final = {"title": 0, **{f"h{level}": level for level in range(1, 7)}}
_HIDING: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def hidden(tag: str, attributes: Mapping[str, str]) -> bool:
    """Whether a reader does not see the element, as far as it says so itself."""
    return (
        tag in UNSEEN
        or "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or _HIDING.search(attributes.get("style", "")) is not None
    )
