"""Whose a file is, asked at the moment of replacing or removing it: only Ramify's own ever are.

A file is Ramify's as long as its content is what this process wrote, or what the ledger of the marked folder above it
lists (`disk.ledger`). All writing ends in `put`, `put_folder` or `own`, all removing in `remove` or `discard`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path
from typing import Literal

from ramify.disk.digests import fingerprint, state_of
from ramify.disk.ledger import Entry, nearest_ledger

Standing = Literal["free", "ours", "granted", "user's"]
_written: dict[str, tuple[tuple[int, ...], Entry]] = {}
"""What this process wrote, in a marked folder or not: path -> its state on disk, its content."""
_commands: list[bool] = []
"""Not empty once this process has said where it writes, as every script does (`disk.outputs`)."""
_single: dict[str, str] = {}
"""Files this process was asked for by their own names: path -> kind."""


def put(temporary: Path, path: Path) -> None:
    """Give a finished file its name, in place of an older one of Ramify's.

    Raises ValueError for a file of the user's in the way, OSError where it cannot be written.
    """
    place = place_of(path)
    make_way(path)
    entry = Entry(temporary.stat().st_size, fingerprint(temporary), _single.get(str(place), ""))
    if (ledger := nearest_ledger(place)) is not None:
        ledger.add(place, entry)
    os.replace(temporary, path)
    _written[str(place)] = state_of(path), entry


def make_way(path: Path, always: bool = False) -> None:
    """Make sure that a file of that name may be written: it is free, Ramify's, or was allowed to go to a backup name.

    A program that has not said where it writes is its author's own, not one of the scripts: outside of the folders
    that are marked, it replaces files as it likes, unless `always` the rule holds.

    Raises ValueError for a file of the user's, and for one changed since Ramify wrote it.
    """
    place = place_of(path)
    standing = standing_of(place, _single.get(str(place), ""))
    if standing == "user's" and (always or _commands or nearest_ledger(place) or not is_plain(path)):
        raise ValueError(refusal(path))
    if standing == "granted":
        backup = _backup_of(path)
        # A second name for the file, which keeps the first one until the new file takes it.
        try:
            os.link(path, backup)
        except OSError:
            os.rename(path, backup)  # A disk without hard links.


def own(path: Path) -> None:
    """Note that a log, or another file that grows, is Ramify's; to be called before it is opened.

    Raises ValueError for a file of the user's.
    """
    place = place_of(path)
    if standing_of(place, "") == "granted":
        os.rename(path, _backup_of(path))  # Not a second name: what is added would be added to both.
    make_way(path)
    if (ledger := nearest_ledger(place)) is not None and not any(one.grows for one in ledger.entries(place)):
        ledger.add(place, Entry(grows=True))
    _written[str(place)] = (), Entry(grows=True)


def remove(path: Path) -> bool:
    """Remove a file if it is Ramify's; whether it is gone."""
    place = place_of(path)
    if standing_of(place, _single.get(str(place), "")) == "ours":
        path.unlink(missing_ok=True)
    return not os.path.lexists(path)


def set_aside(path: Path) -> Path:
    """Keep a file under a backup name, whoever wrote it; where it is now."""
    kept = _backup_of(path)
    os.rename(path, kept)
    return kept


def set_aside_if_changed(path: Path) -> Path | None:
    """Keep a file under a backup name unless it is Ramify's or not there; where it is now."""
    return set_aside(path) if is_plain(path) and standing_of(place_of(path), "") == "user's" else None


def put_folder(temporary: Path, target: Path, old: Path) -> None:
    """Give a finished folder its name, in place of an older one, from which the user's own files are taken over.

    old: a free name beside it, for the older one while it is looked through.
    Raises ValueError for a file of the user's that has the name of a new one, OSError where it cannot be written.
    """
    new = [path.relative_to(temporary) for path in sorted(temporary.rglob("*")) if path.is_file()]
    place = target.resolve()
    if os.path.lexists(target):
        if not _is_folder(target):
            raise ValueError(f"{target}: is not a folder that Ramify made; move it away")
        for name in new:
            make_way(target / name, always=True)
    ledger = nearest_ledger(place)
    entries = {name: Entry((temporary / name).stat().st_size, fingerprint(temporary / name)) for name in new}
    for name, entry in entries.items():
        if ledger is not None:
            ledger.add(place / name, entry)
    if target.exists():
        os.replace(target, old)
    os.replace(temporary, target)
    # What is new hides what was old of the same name, so it is known only from here on.
    discard(old, target)
    for name, entry in entries.items():
        _written[str(place / name)] = state_of(target / name), entry


def discard(old: Path, target: Path) -> None:
    """Remove an older folder `target` that lies at `old` now; what in it is not Ramify's goes back to where it was."""
    if not old.is_dir():
        return
    place = target.resolve()
    for path in sorted(old.rglob("*"), reverse=True):
        name = path.relative_to(old)
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):
                path.rmdir()
        elif standing_of(place / name, "", path) == "ours":
            path.unlink(missing_ok=True)
        else:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            os.rename(path, target / name if not os.path.lexists(target / name) else _backup_of(target / name))
    with contextlib.suppress(OSError):
        old.rmdir()


def standing_of(place: Path, kind: str, where: Path | None = None) -> Standing:
    """Whose a file is.

    place: its resolved path; where: the path it lies at now, if it was moved.
    """
    path = where or place
    if not os.path.lexists(path):
        return "free"
    if not is_plain(path):
        return "user's"
    state, written = _written.get(str(place), ((), None))
    if written is not None and written.kind == kind and state == state_of(path):
        return "ours"
    ledger = nearest_ledger(place)
    entries = ledger.entries(place) if ledger else []
    while True:
        # Read once, so that a file which another process replaces meanwhile is the older or the newer one.
        try:
            sha256 = fingerprint(path)
        except FileNotFoundError:
            return "free"
        for entry in (*reversed(entries), *([written] if written else [])):
            if entry.kind == kind and entry.fits(sha256):
                return "granted" if entry.backup else "ours"
        if ledger is None or (latest := ledger.entries(place, anew=True)) == entries:
            return "user's"
        entries = latest


def say_where() -> None:
    """Note that this process says where it writes: from now on what is not Ramify's stays, marked or not."""
    _commands.append(True)


def name_single(place: Path, kind: str) -> None:
    """Note that this process was asked for a file by its own name."""
    _single[str(place)] = kind


def refusal(path: Path) -> str:
    """Why a file of the user's is not replaced, and what to do."""
    if not is_plain(path):
        return f"{path}: a link or folder where a file would be written; move it away or choose another output"
    return (
        f"{path}: was not written by Ramify, or was changed since; move it away, choose another "
        f"output, or give --replace to keep it as {backup_name(path.name)}"
    )


def is_plain(path: Path) -> bool:
    """Whether it is a file, and no link to one."""
    return path.is_file() and not path.is_symlink()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def backup_name(name: str, number: int = 1) -> str:
    """What a file that is replaced on purpose is kept as."""
    # Behind the suffix: no volume, so that it is not taken for another case.
    return f"{name}.backup-{number}"


def _backup_of(path: Path) -> Path:
    names = (path.with_name(backup_name(path.name, number)) for number in itertools.count(1))
    return next(name for name in names if not os.path.lexists(name))


def place_of(path: Path) -> Path:
    """Where a path lies, without following a link at its end."""
    return path.parent.resolve() / path.name


def identity(path: Path) -> tuple[int, int]:
    """What tells a file or folder from all others, whichever name it is reached by."""
    found = path.stat()
    return found.st_dev, found.st_ino
