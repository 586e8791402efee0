"""A study's storage by its URL: told apart from a path, checked, and shown without what is secret."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import exc
from sqlalchemy.engine import URL, make_url

FORMS = "sqlite:///FILE or postgresql://USER@HOST/DATABASE"
_ENCODE = "a : / @ or ? in a name or password is written %3A %2F %40 %3F"


def url_of_file(path: Path) -> str:
    """The URL of an SQLite file, whatever signs its path has."""
    if "?" not in str(path):
        return URL.create("sqlite", database=str(path)).render_as_string()
    # A question mark would begin the URL's options: SQLite takes a percent-encoded path as well.
    return URL.create("sqlite", database=path.absolute().as_uri(), query={"uri": "true"}).render_as_string()


def parse_url(url: str) -> URL:
    """The URL of a storage.

    Raises:
        ValueError: not a URL, another kind of database, or signs that make another URL than was meant; what was given
            is not repeated as far as it may hold a password.
    """
    try:
        where = make_url(url)
    except (exc.ArgumentError, ValueError):
        # A password with signs of its own makes a port of the half of it: nothing but the beginning is repeated.
        raise ValueError(f"--storage {_beginning(url)}: not a database URL; expected {FORMS}; {_ENCODE}") from None
    kind = where.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise ValueError(f"--storage {kind}://...: {kind} is not supported; expected {FORMS}")
    if kind == "postgresql" and any("@" in part for part in (where.host or "", where.database or "")):
        raise ValueError(f"--storage {_beginning(url)}: has more than one @; {_ENCODE}")
    if kind == "sqlite":
        _check_file(where)
    return where


def file_of(where: URL) -> Path | None:
    """The SQLite file of a URL; None for a database elsewhere."""
    if where.get_backend_name() != "sqlite" or where.database is None:
        return None
    return Path(unquote(urlsplit(where.database).path)) if "uri" in where.query else Path(where.database)


def shown(url: str) -> str:
    """A URL without its password and options, for messages."""
    where = parse_url(url)
    if file := file_of(where):
        return f"sqlite:///{file}"
    return where.set(query={}).render_as_string(hide_password=True)


def without_secrets(text: str, where: URL) -> str:
    """A database's own words without the password and options of its URL."""
    options = [value for values in where.query.values() for value in ((values,) if isinstance(values, str) else values)]
    for secret in (where.password or "", *options):
        text = text.replace(str(secret), "***") if secret else text
    return text


def _check_file(where: URL) -> None:
    if where.database in (None, "", ":memory:") or where.host or where.username:
        raise ValueError(
            f"--storage sqlite://{'...' if where.host else ''}: names no file, and workers cannot share memory; "
            "expected sqlite:///FILE"
        )
    if where.query and dict(where.query) != {"uri": "true"}:
        raise ValueError(
            f"--storage sqlite:///{where.database}?...: what follows the ? is no part of the file's name; leave it out"
        )


def _beginning(url: str) -> str:
    """As much of a text that is no URL as holds no password: a plain file's name whole, else what is before ://."""
    if not set("@:?") & set(url):
        return url
    kind, found, _ = url.partition("://")
    return f"{kind}://..." if found and kind.replace("+", "").isalnum() else "..."
