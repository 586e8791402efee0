"""Compare two or more sets of predictions over the same cases: paired differences, tests, and a verdict in words.

    python compare.py --results baseline=scores_a/metrics.json contrastive=scores_b/metrics.json --output COMPARISON
    python compare.py --results "baseline=scores/binary/fold_*" "contrastive=scores/contrastive/fold_*" --measures dice
    python compare.py --results a=one/metrics.json b=other/metrics.json --measures all --common
    python compare.py --results a=one/metrics.json b=other/metrics.json --classes portal any_vessel --measures dice

Each set is the metrics.json that evaluate.py wrote, or its folder; the first is the reference. Files given under one
name are its runs: folds (other cases) or seeds (the same cases, averaged before the tests). The cases of a fold share
their networks, so that folds are the pairs where there are several. docs/comparing.md explains the tests. COMPARISON
gets comparison.json, comparison.csv, pairs.csv and comparison.png.
"""

import sys
from collections.abc import Sequence

from ramify.command_line import parse, run
from ramify.comparison.settings import CompareCommand


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, print and write."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words.count("--results") > 1:
        # The last one alone would count.
        raise ValueError("--results: given more than once; write all sets behind one, --results A=FILE B=FILE")
    command = parse(CompareCommand, __doc__, words)
    # What does the work is loaded once the settings are right: it takes seconds.
    from ramify.stages.compare import compare_results

    compare_results(command)
    return 0


if __name__ == "__main__":
    run(main)
