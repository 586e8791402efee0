"""The mark of a folder that Ramify owns, and its list of what Ramify wrote there: the hidden file `.ramify`.

    {"ramify": "predictions", "format": 1, ...}                             what kind of folder it is
    {"path": "case.nii.gz", "size": 1234, "sha256": "5e88..."}              a line for each file written

Several processes may add lines at once. A file is Ramify's as long as its content is one of those listed for its name;
a line is added before the file gets its name, so that a kill in between leaves nothing unknown.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ramify.disk.digests import state_of
from ramify.disk.part_files import part_of
from ramify.processes.system_lock import take_lock

MARK, FORMAT = ".ramify", 1
BESIDE_FILES = "files"
"""Kind of a mark beside single files in a folder that is the user's own."""
_KEPT = 4
"""Contents remembered of a file: the one it has, and those that killed writers, or some at work, may have left."""


@dataclass(frozen=True)
class Entry:
    """A content of a file: what Ramify wrote, or of the user's what it may replace.

    kind: of a single file that was asked for by its own name ("report"); "" for one of its folder's files.
    grows: a log or the like, whose content is not known; only Ramify writes files of such names.
    backup: the user's, and to be kept under another name when it is replaced.
    """

    size: int = 0
    sha256: str = ""
    kind: str = ""
    grows: bool = False
    backup: bool = False

    def fits(self, sha256: str) -> bool:
        """Whether a content is this one."""
        return self.grows or sha256 == self.sha256


class Ledger:
    """What Ramify wrote in a folder. Looks at the file again whenever another process has added to it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._path = folder, folder / MARK
        self.kind = ""
        self._entries: dict[str, list[Entry]] = {}
        self._head, self._seen = b"", 0
        self._state: tuple[int, ...] = ()

    def entries(self, path: Path, anew: bool = False) -> list[Entry]:
        """The known contents of a file in the folder or below it.

        Args:
            path: of the file.
            anew: look into the ledger's file whatever its size and time say, which a network disk may tell late.
        """
        self.refresh(anew)
        return list(self._entries.get(self._name(path), ()))

    def is_empty(self) -> bool:
        """Whether no file was ever written under this mark."""
        self.refresh()
        return not self._entries

    def add(self, path: Path, entry: Entry) -> None:
        """Add a line; raises OSError where it cannot be written."""
        with self._open(os.O_RDWR | os.O_APPEND) as descriptor:
            os.write(descriptor, _line(self._name(path), entry))
            os.fsync(descriptor)

    def compact(self, kind: str = "") -> None:
        """Leave out what is superseded; give the folder another kind where one is given."""
        with self._open(os.O_RDWR) as descriptor:
            self._read(descriptor)
            # A file that is not there may be about to get its name.
            kept = [(name, entry) for name, its in self._entries.items() for entry in its[-_KEPT:]]
            lines = [_head(kind or self.kind), *(_line(name, entry) for name, entry in kept)]
            content = b"".join(lines)
            if not kind and len(content) >= self._seen:
                return
            temporary = part_of(self._path)
            try:
                _write(temporary, content)
                os.replace(temporary, self._path)
            finally:
                temporary.unlink(missing_ok=True)

    def refresh(self, anew: bool = False) -> None:
        """Read what is new; raises ValueError for a file of that name that is no mark of ours."""
        try:
            if not anew and state_of(self._path) == self._state:
                return
            descriptor = os.open(self._path, os.O_RDONLY)
        except OSError as error:
            raise ValueError(f"{self._path}: cannot be read ({error.strerror}); move it away") from None
        try:
            self._read(descriptor)
        except OSError as error:
            raise ValueError(f"{self._path}: cannot be read ({error.strerror}); move it away") from None
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int) -> None:
        """Read the lines that were added; all of them in a file that is another one, which its head tells."""
        head = _read_at(descriptor, 0, 200).partition(b"\n")[0]
        if head != self._head or not head:
            self._entries, self._head, self._seen = {}, head, len(head) + 1
            self.kind = _kind(head, self._path)
        # Before the lines are read: one that is added meanwhile will be looked for.
        state = state_of(descriptor)
        new = _read_at(descriptor, self._seen, state[0] - self._seen)
        # A line that is being written has no end yet.
        whole = new[: new.rfind(b"\n") + 1]
        for line in whole.splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
                content = json.loads(line)
                self._entries.setdefault(content.pop("path"), []).append(Entry(**content))
        self._seen += len(whole)
        self._state = state

    @contextlib.contextmanager
    def _open(self, flags: int) -> Iterator[int]:
        """The file, to this process alone where the system can; opened anew if another one has replaced it."""
        while True:
            descriptor = os.open(self._path, flags)
            try:
                # Network disks without locks are written to by one process at a time.
                take_lock(descriptor, wait_seconds=math.inf)
                if os.fstat(descriptor).st_ino == os.stat(self._path).st_ino:
                    yield descriptor
                    return
            finally:
                os.close(descriptor)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


_ledgers: dict[Path, Ledger] = {}


def ledger_of(folder: Path) -> Ledger | None:
    """The ledger of a resolved folder, None for one without a mark; ValueError for a mark that is none of ours."""
    if not os.path.lexists(folder / MARK):
        _ledgers.pop(folder, None)
        return None
    ledger = _ledgers.setdefault(folder, Ledger(folder))
    ledger.refresh()
    return ledger


def nearest_ledger(path: Path) -> Ledger | None:
    """The ledger that a resolved path belongs to: of the nearest marked folder above it."""
    for folder in path.parents:
        ledger = ledger_of(folder)
        if ledger is not None and (ledger.kind != BESIDE_FILES or folder == path.parent):
            return ledger
    return None


def mark(folder: Path, kind: str) -> Ledger:
    """Mark a resolved folder that has no mark; whoever comes second finds that of the first."""
    temporary = part_of(folder / MARK)
    try:
        _write(temporary, _head(kind))
        try:
            os.link(temporary, folder / MARK)
        except FileExistsError:
            pass
        except OSError:
            # A disk without hard links, which systems say in many ways.
            if not os.path.lexists(folder / MARK):
                os.rename(temporary, folder / MARK)
    finally:
        temporary.unlink(missing_ok=True)
    ledger = ledger_of(folder)
    assert ledger is not None, "marked just now"
    return ledger


def _write(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it: after a power cut, an empty mark would make nothing Ramify's."""
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _head(kind: str) -> bytes:
    return json.dumps({"ramify": kind, "format": FORMAT, "id": secrets.token_hex(8)}).encode() + b"\n"


def _kind(head: bytes, path: Path) -> str:
    try:
        content = json.loads(head)
        if content["format"] == FORMAT:
            return str(content["ramify"])
    except (ValueError, TypeError, KeyError):
        pass
    raise ValueError(f"{path}: not a mark of this version of Ramify; move it away")


def _read_at(descriptor: int, position: int, count: int) -> bytes:
    os.lseek(descriptor, position, os.SEEK_SET)
    return os.read(descriptor, max(count, 0))


def _line(name: str, entry: Entry) -> bytes:
    content = {"path": name} | {key: value for key, value in asdict(entry).items() if value or key == "size"}
    return json.dumps(content).encode() + b"\n"
