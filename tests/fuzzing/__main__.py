"""Damaged files through every reader: `python -m tests.fuzzing --count 10000 [--seed 0] [--only NAME ...]`.

Prints a line of counts a reader; exit status 1 where anything but "read" or "refused in one line" happened.
"""

import argparse
import sys
import time
from pathlib import Path

from tests.fuzzing.readers import READERS
from tests.fuzzing.trial import be_the_child, damaged, try_readers


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        folder, first, count, seed, *names = sys.argv[2:]
        be_the_child([READERS[name] for name in names], Path(folder), int(first), int(count), int(seed))
        return 0
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="damaged files, over all readers together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=sorted(READERS), default=list(READERS))
    parser.add_argument("--keep", type=Path, help="folder for the files that failed")
    given = parser.parse_args()
    failed, total = 0, 0
    for name in given.only:
        began = time.monotonic()
        outcome = try_readers([name], -(-given.count // len(given.only)), given.seed)[name]
        print(f"{name}: {outcome} ({time.monotonic() - began:.0f} s)", flush=True)
        for number, said in outcome.failures.items():
            print(f"  {name} {number}: {said}", flush=True)
            if given.keep:
                reader = READERS[name]
                given.keep.mkdir(parents=True, exist_ok=True)
                content = damaged(reader, reader.valid(), given.seed, number)
                (given.keep / f"{name}-{number}-{reader.file_name}").write_bytes(content)
        failed += len(outcome.failures)
        total += sum(outcome.counts.values()) + len(outcome.failures)
    print(f"{total} files, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
