"""Processes that end with the one that started them, however that ended, and leave Ctrl-C to it."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any

from ramify.processes.environment import environment

_PR_SET_PDEATHSIG = 1
_FOR_MEMORY = ", as the system does when memory runs out"


def how_it_ended(exit_code: int) -> str:
    """What became of a process that is gone, in words."""
    if exit_code >= 0:
        return f"stopped with exit code {exit_code}"
    hint = _FOR_MEMORY if exit_code == -signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-exit_code).name}{hint}"


def was_killed_for_memory(how: str) -> bool:
    """Whether words of `how_it_ended` say that memory may have run out."""
    return _FOR_MEMORY in how


def start_child(
    target: Callable[..., None], arguments: tuple[Any, ...], variables: Mapping[str, str], daemon: bool
) -> BaseProcess:
    """Start a fresh process that Ctrl-C does not reach, which a terminal sends to all: its parent alone answers.

    It begins with `leave_interrupts_to_parent`, and with `end_with_parent` unless it looks after its parent itself.

    Args:
        target: what it does; picklable, as its arguments are.
        arguments: of the target.
        variables: of its environment, besides those of this process.
        daemon: whether it is ended with this process; such a one may have no processes of its own.
    """
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments, daemon=daemon)
    with environment(variables):
        _start_unreached(process)
    return process


def leave_interrupts_to_parent() -> None:
    """Let Ctrl-C, which reaches every process of a terminal, pass: the process that started this one answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _start_unreached(process: BaseProcess) -> None:
    # It could not see to that itself while it loads its libraries, which takes seconds.
    if os.name != "posix":
        process.start()
        return
    # multiprocessing's own process, were it started within, would let the signal through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """Make this process of multiprocessing end as soon as its parent is gone.

    Linux kills it together with the parent; elsewhere a thread watches, and a moment passes.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None, "only for processes started by multiprocessing"
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have ended before this was asked for.
        if os.getppid() != parent.pid:
            os._exit(1)

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def may_have_processes() -> Iterator[None]:
    """Let this process, which was started as a daemon, start processes in here.

    Python forbids it since nobody would end them; ours end with their parent by themselves.
    """
    its = multiprocessing.current_process()
    was: bool = its.daemon
    its._config["daemon"] = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        its._config["daemon"] = was  # type: ignore[attr-defined]
