"""Passwords of URLs are no part of any message."""

import re

# From the colon behind the user to the last @ of the word: a password may hold signs that it should not.
_PASSWORD = re.compile(r"(?<=://)([^\s:/@]*):[^\s'\"]*@")


def without_passwords(text: str) -> str:
    """A text whose URLs have *** where a password was."""
    return _PASSWORD.sub(r"\1:***@", text)
