"""Reading one case ahead: while a case is worked on, the next one is read in a thread."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

Case = TypeVar("Case")
Read = TypeVar("Read")


def read_ahead(
    cases: Sequence[Case], read: Callable[[Case], Read], *, ahead: bool = True
) -> Iterator[tuple[Case, Callable[[], Read]]]:
    """Each case in order, with what gives it read.

    One case is read ahead at most: besides the one at work, a single other is in memory. What is wrong with it is
    raised where it is asked for, and costs no other.

    Args:
        cases: what to read.
        read: reads a case; called from one other thread, of one case at a time.
        ahead: otherwise a case is read where it is asked for.

    Examples:
        >>> from ramify.data.reading_ahead import read_ahead
        >>> [(case, read()) for case, read in read_ahead(["a", "b"], str.upper)]
        [('a', 'A'), ('b', 'B')]
    """
    if not ahead or len(cases) == 1:
        for case in cases:
            yield case, partial(read, case)
        return
    thread = ThreadPoolExecutor(1, "read-ahead")
    try:
        coming = [thread.submit(read, case) for case in cases[:1]]
        for place, case in enumerate(cases):
            own = coming.pop()
            # It begins once the case at hand is read.
            coming += [thread.submit(read, after) for after in cases[place + 1 : place + 2]]
            yield case, partial(_read_of, own, read, case)
            del own
    finally:
        # Whoever stops goes on at once; the process ends when the case that is being read is.
        thread.shutdown(wait=False, cancel_futures=True)


def _read_of(found: Future[Read], read: Callable[[Case], Read], case: Case) -> Read:
    try:
        return found.result()
    except MemoryError:
        # The case before may have filled it, and is done with now.
        return read(case)
