"""What may be written where: what Ramify did not write, it never deletes or replaces.

A folder is Ramify's if it carries Ramify's mark (`disk.ledger`), and gets it only while it is empty. In it, a file may
be replaced or removed as long as its content is what Ramify wrote (`disk.own_files`). Before its work begins, a script
says with `Outputs` what it reads and where it will write; what must not be is refused then, by name.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from ramify.disk.digests import fingerprint
from ramify.disk.ledger import BESIDE_FILES, MARK, Entry, ledger_of, mark, nearest_ledger
from ramify.disk.own_files import (
    backup_name,
    identity,
    is_plain,
    name_single,
    place_of,
    refusal,
    say_where,
    standing_of,
)
from ramify.disk.part_files import PART, part_of, remove_part, remove_parts
from ramify.processes.folder_lock import LOCK

_JUNK = {".ds_store", "thumbs.db", "desktop.ini", ".directory", "lost+found"}
"""What systems leave in an empty folder."""

_made: set[Path] = set()
"""Folders that this process made, by their resolved paths."""
_found: set[Path] = set()
"""Folders of the user's, empty or not, that this process put a mark into."""


class Outputs:
    """The places a call writes to, checked before its work begins.

    As a context, it removes in the end what processes of the call that were killed left half-written, and gives up what
    it claimed newly and nothing came to, by whatever the call was ended.

    Args:
        inputs: files and folders the call reads; None counts as not given.
        replace: what stands in the way and is not Ramify's is kept as NAME.backup-N instead of refused.
    """

    def __init__(self, *inputs: Path | None, replace: bool = False) -> None:
        say_where()
        self._replace = replace
        self._input_folders: dict[tuple[int, int], Path] = {}
        self._read: dict[tuple[int, int], Path] = {}
        self._claimed: dict[str, str] = {}
        self._folders: set[Path] = set()
        self._new: list[Path] = []
        for path in (one for one in inputs if one is not None and one.exists()):
            if path.is_dir():
                self._input_folders[identity(path)] = path
            with contextlib.suppress(OSError):
                files = [child for child in path.iterdir() if child.is_file()] if path.is_dir() else [path]
                self._read |= {identity(file): file for file in files}

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, *_: object) -> None:
        for folder in self._folders:
            remove_parts(folder, but_not_under=MARK)
        while self._new:
            give_up(self._new.pop())

    def claim_folder(
        self, folder: Path, kind: str, files: Iterable[str | Path] = (), given: Sequence[str] = ()
    ) -> None:
        """Make a folder Ramify's, or find that it is already, of that kind.

        Args:
            folder: made if missing.
            kind: what it holds ("predictions"); a folder of another kind is refused.
            files: what the call may write in it, relative to it.
            given: files that the user may have laid into it before; the call only reads them.

        Raises:
            ValueError: an input folder, a folder of another kind, one with files that Ramify did not write, or one of
                `files` that is the user's, was read in this call, or is written by it twice.
            OSError: it cannot be made or written.
        """
        files = list(files)
        self.check_folder(folder, kind, files, given)
        place = folder.resolve()
        ledger = ledger_of(place)
        self._make_folder(place)
        if ledger is None:
            mark(place, kind)
        else:
            remove_parts(place, but_not_under=MARK)
            ledger.compact(kind if ledger.kind == BESIDE_FILES else "")
        self._folders.add(place)
        self._grant([folder / name for name in files], "")

    def check_folder(
        self, folder: Path, kind: str, files: Iterable[str | Path] = (), given: Sequence[str] = ()
    ) -> None:
        """Refuse what `claim_folder` refuses, and leave the folder as it is."""
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(f"{folder}: expected a folder to write to, got a file; choose another output")
        if folder.exists() and (read := self._input_folders.get(identity(folder))):
            raise ValueError(f"{folder}: holds what this call reads ({read}); choose another folder for the output")
        place = folder.resolve()
        ledger = ledger_of(place)
        if ledger is None or ledger.kind == BESIDE_FILES:
            self._check_empty(folder, given)
        elif ledger.kind != kind and place not in self._folders:
            raise ValueError(f"{folder}: holds {ledger.kind} of Ramify, not {kind}; choose another folder")
        _check_writable(folder)
        self._check(folder, [folder / name for name in files], "")

    def claim_file(self, path: Path, kind: str) -> None:
        """Make sure that a file that was asked for by its own name may be written; its folder stays the user's.

        Raises as claim_folder.
        """
        if path.is_dir():
            raise ValueError(f"{path}: expected a file to write, got a folder; name a file in it")
        _check_writable(path.parent)
        self._check(path.parent, [path], kind)
        self._make_folder(path.parent.resolve())
        place = place_of(path)
        if nearest_ledger(place) is None:
            mark(place.parent, BESIDE_FILES)
        for part in place.parent.glob(f"{PART}-*"):
            remove_part(part)
        name_single(place, kind)
        self._grant([path], kind)

    def _make_folder(self, place: Path) -> None:
        """Make a resolved folder that is missing, and remember which were missing above it, or that it was there."""
        missing = [one for one in (place, *place.parents) if not os.path.lexists(one)]
        if ledger_of(place) is None:
            self._new.append(place)
            _found.update([] if missing else [place])
        place.mkdir(parents=True, exist_ok=True)
        _made.update(missing)

    def _check_empty(self, folder: Path, given: Sequence[str]) -> None:
        if self._replace or not folder.is_dir():
            return
        for child in sorted(folder.iterdir()):
            if not _is_junk(child) and child.name not in given:
                raise ValueError(
                    f"{folder}: holds what Ramify did not write ({child.name}); choose an empty or a new folder, or "
                    f"give --replace to write into it and keep what is in the way as {backup_name('NAME')}"
                )

    def _check(self, folder: Path, paths: Sequence[Path], kind: str) -> None:
        folds = _folds_case(folder)
        for path in paths:
            place = place_of(path)
            name = str(place).casefold() if folds else str(place)
            if name in self._claimed:
                raise ValueError(f"{path}: this call would write it twice; rename the case or the output")
            self._claimed[name] = kind
            if not os.path.lexists(path):
                continue
            if path.exists() and (given := self._read.get(identity(path))):
                raise ValueError(f"{path}: is what this call reads ({given}); choose another output")
            if standing_of(place, kind) == "user's" and not (self._replace and is_plain(path)):
                raise ValueError(refusal(path))

    def _grant(self, paths: Sequence[Path], kind: str) -> None:
        """Note which files of the user's may be replaced, whichever process comes to it."""
        for path in paths:
            place = place_of(path)
            if self._replace and standing_of(place, kind) == "user's":
                ledger = nearest_ledger(place)
                assert ledger is not None, "claimed"
                ledger.add(place, Entry(place.stat().st_size, fingerprint(place), kind, backup=True))


def give_up(folder: Path) -> None:
    """Take the mark off a folder that nothing of Ramify's came to, and remove it, with those above it that were made
    for it alone; one that the user had made stays, and so does whatever lies in it."""
    place = folder.resolve()
    ledger = ledger_of(place) if place.is_dir() else None
    if ledger is None:
        return
    holds_nothing = all(child.name in (MARK, LOCK) for child in place.iterdir())
    if not holds_nothing and not (ledger.kind == BESIDE_FILES and ledger.is_empty()):
        return
    with contextlib.suppress(OSError):
        for name in (MARK, LOCK):
            (place / name).unlink(missing_ok=True)
        made = [one for one in place.parents if one in _made]
        # Each raises where it holds something.
        for one in made if place in _found else [place, *made]:
            one.rmdir()
            _made.discard(one)


def _is_junk(path: Path) -> bool:
    name = path.name.lower()
    return name in _JUNK or name == MARK or name.startswith((f"{MARK}-", PART, LOCK, "._"))


def _existing(folder: Path) -> Path:
    """The folder, or what there is of it."""
    return next(one for one in (folder, *folder.absolute().parents) if os.path.lexists(one))


def _check_writable(folder: Path) -> None:
    existing = _existing(folder)
    if not existing.is_dir():
        raise NotADirectoryError(f"{existing}: a file where a folder is needed; choose another output")
    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        raise type(error)(f"{folder}: cannot be written ({error.strerror or error}); choose another output") from None


def _folds_case(folder: Path) -> bool:
    """Whether names that differ in letters' case alone are one name there."""
    probe = part_of(_existing(folder) / "probe")
    try:
        probe.touch()
        return probe.with_name(probe.name.upper()).exists()
    finally:
        probe.unlink(missing_ok=True)
