"""One process at a time at work on a folder, or on a case in it: a hidden file says which, where and since when."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ramify.processes.system_lock import take_lock

LOCK = ".lock"
_held: set[str] = set()
"""Locks this process holds: the system's lock keeps out other processes alone."""


@contextlib.contextmanager
def held(folder: Path, what: str, case_id: str = "") -> Iterator[None]:
    """Keep a folder, or what belongs to one case in it, to this process until it ends, in whatever way.

    The system's lock decides, and ends with its process; what the file says is for people. Of a process that was
    killed it is left behind, and taken over with a line on stderr. Where the system has no such lock, none is taken.

    Args:
        folder: must be there.
        what: is at work on it ("train.py").
        case_id: the case, where others may be at work on other cases meanwhile; no lock on the whole folder then.

    Raises:
        ValueError: another one is at work on it; the line says which.
    """
    path = folder.resolve() / (f"{LOCK}-{case_id}" if case_id else LOCK)
    if os.name != "posix":
        yield
        return
    if str(path) in _held:
        raise ValueError(f"{folder}: this process is at work on it already; choose another output")
    descriptor = _take(path, folder)
    _held.add(str(path))
    try:
        if left := _holder(descriptor):
            print(f"{folder}: taken over from {left}, which did not end as it should", file=sys.stderr)
        _sign(descriptor, what)
        yield
    finally:
        _held.discard(str(path))
        # While it is still locked: whoever opened it meanwhile sees that it is gone, and makes a new one.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _take(path: Path, folder: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            # Not inherited: the processes that load data may live on for a moment after a kill.
            if not take_lock(descriptor, inherited=False):
                return descriptor
        except BlockingIOError:
            holder = _holder(descriptor) or "another process"
            os.close(descriptor)
            raise ValueError(f"{folder}: {holder} is at work on it; wait, or choose another output") from None
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        os.close(descriptor)


def _sign(descriptor: int, what: str) -> None:
    text = json.dumps({"what": what, "pid": os.getpid(), "host": platform.node(), "since": time.strftime("%F %T")})
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode() + b"\n", 0)


def _holder(descriptor: int) -> str:
    """Who signed the file, in words; empty where nobody did."""
    try:
        its = json.loads(os.pread(descriptor, 4096, 0))
        return f"{its['what']} (process {its['pid']} on {its['host']}, since {its['since']})"
    except (ValueError, TypeError, KeyError):
        return ""
