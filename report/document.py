"""A page of HTML that opens anywhere, offline: nothing in it is loaded from elsewhere, and no other script runs."""

import base64
import hashlib
from functools import cache
from pathlib import Path

from ramify.drawing.colours import BACKDROP, as_hex
from ramify.report.markup import text

_HERE = Path(__file__).parent
_FIRST = 'document.documentElement.classList.remove("no-script");'
"""Runs before anything is shown: that scripts are off is said where they are, and not where they are slow."""


@cache
def shipped(*names: str) -> str:
    """The files of these names that lie beside this one, one after the other."""
    return "".join((_HERE / name).read_text(encoding="utf-8") for name in names)


def document(title: str, heading: str, intro: str, body: str, style: str, script: str, commit: str) -> str:
    """The page.

    Args:
        title: of the window.
        heading, intro: what stands on top of the page.
        body: HTML of what comes then.
        style, script: CSS and JavaScript.
        commit: of the code that made it.
    """
    script = f"\n{script}"
    # The browser is told to run these scripts alone and to load nothing at all: a second wall behind the escaping.
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src {_digest(_FIRST)} {_digest(script)}; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en" class="no-script">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n"
        f"<style>\n:root {{ --backdrop: {as_hex(BACKDROP)}; }}\n{style}</style>\n"
        f"<script>{_FIRST}</script>\n</head>\n<body>\n"
        f'<header class="top"><h1>{text(heading)}</h1><p class="quiet">{text(intro)}</p></header>\n'
        f"<main>{body}</main>\n"
        f"<footer>Made with Ramify, commit {text(commit)}. For research; not a "
        f"medical device.</footer>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _digest(script: str) -> str:
    """What a policy calls a script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode('utf-8')).digest()).decode('ascii')}'"
