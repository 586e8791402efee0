"""Prepare many cases, one or several at a time; what is done already is not done again.

Each worker is a fresh process with one thread: the work on a case hardly gains from more, and threads of several
workers would only get in each other's way. A worker ends when the process that started it is gone, so that a killed run
leaves nothing behind that writes.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from data.adapters.base import Adapter
from data.case_store import is_complete, read_case, write_case
from preprocessing.figures import TEMPORARY_PREFIX, draw_case
from preprocessing.prepare import PreprocessingSettings, prepare_case

FIGURES_FOLDER = "figures"
_THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


@dataclass(frozen=True)
class CaseReport:
    """What became of a case: whether it had been there before, its notes, or the one line that says why it failed."""

    case_id: str
    found: bool = False
    notes: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class CaseWork:
    """Everything a worker needs to prepare a case and draw it."""

    adapter: Adapter
    store: Path
    settings: PreprocessingSettings

    def figure(self, case_id: str) -> Path:
        """Where the quality figure of a case lies."""
        return self.store / FIGURES_FOLDER / f"{case_id}.png"

    def do(self, case_id: str) -> CaseReport:
        """Prepare a case and draw it, as far as that is not done; bad input becomes the report's error."""
        try:
            found = is_complete(self.store, case_id)
            if not found:
                raw = self.adapter.load(case_id)
                write_case(self.store, case_id, *prepare_case(raw, self.settings))
            case = read_case(self.store, case_id)
            if not (found and self.figure(case_id).is_file()):
                draw_case(self.figure(case_id), case.arrays, case.record)
            return CaseReport(case_id, found, (*case.record["notes"], *case.record["scales"]["notes"]))
        except (ValueError, OSError) as error:
            return CaseReport(case_id, error=_one_line(error, case_id))
        except MemoryError:
            return CaseReport(case_id, error=f"case {case_id}: out of memory; use fewer --workers or a smaller grid")


def prepare_cases(work: CaseWork, case_ids: Sequence[str], workers: int) -> Iterator[CaseReport]:
    """Reports on the cases as they are done; in order with one worker.

    Raises:
        OSError: a worker died, as it does when memory runs out.
    """
    remove_leftovers(work.store)
    workers = min(workers, len(case_ids))
    if workers <= 1:
        yield from map(work.do, case_ids)
        return
    # Read by the libraries when a worker loads them; a limit the user has set stays.
    limits = {name: "1" for name in _THREAD_LIMITS if name not in os.environ}
    os.environ.update(limits)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=start_worker) as pool:
        pending = [pool.submit(work.do, case_id) for case_id in case_ids]
        try:
            for done in as_completed(pending):
                yield done.result()
        except BrokenProcessPool:
            raise OSError(
                f"{work.store}: a worker process died, perhaps out of memory; run again with fewer --workers, "
                "finished cases are kept"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            for name in limits:
                os.environ.pop(name, None)


def start_worker() -> None:
    """Make this process end as soon as the one that started it is gone, however that ended."""
    # Ctrl-C reaches every process of a terminal; the parent alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None, "only for processes started by multiprocessing"

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def remove_leftovers(store: Path) -> None:
    """Remove figures that a killed run had begun."""
    for path in (store / FIGURES_FOLDER).glob(f"{TEMPORARY_PREFIX}*"):
        path.unlink(missing_ok=True)


def _one_line(error: Exception, case_id: str) -> str:
    """An error as one line that names its case."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    return text if case_id in text else f"case {case_id}: {text}"
