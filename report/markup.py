"""Text and data on a page: whatever a name holds, it stays a name."""

import base64
import html
import json
from collections.abc import Iterable
from typing import Any


def text(value: object) -> str:
    """A value as text in HTML or in an attribute's quotes; signs that mean something to HTML are written out."""
    # A file's name may hold bytes that are no text; a page is UTF-8 to the last.
    return html.escape(str(value).encode("utf-8", errors="replace").decode("utf-8"), quote=True)


def data(value: Any) -> str:
    """Plain data as JSON inside a script element, which nothing in it can end."""
    packed = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return packed.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def join(parts: Iterable[str]) -> str:
    """Pieces of HTML one after the other."""
    return "\n".join(parts)


def unscripted(words: str) -> str:
    """Words that are shown where no script runs."""
    return f'<span class="unscripted">{text(words)}</span>'


def swatch(colour: str) -> str:
    """A little square of a colour, for legends."""
    return f'<i class="swatch" style="--swatch:{text(colour)}"></i>'


def webp_address(picture: bytes) -> str:
    """A WebP picture as the address of itself, for a page that loads nothing."""
    return "data:image/webp;base64," + base64.b64encode(picture).decode("ascii")
