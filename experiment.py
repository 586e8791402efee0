"""Variants of a method over folds and seeds: trained, compared, and a table with verdicts in words.

    python experiment.py configs/experiments/sam_table1.yaml --workers 2            on phantoms, nothing to download
    python experiment.py configs/experiments/sam_table1.yaml configs/experiments/ircadb.yaml --root 3Dircadb1
    python experiment.py configs/experiments/sam_table1.yaml --no-run               the table of what is there so far

A second file lies on top of the first, flags on top of both. OUTPUT/NAME gets the prepared cases, a folder a run, and
the table as table.md, table.csv, table.json and table.png. Whatever is there already is not done again: an experiment
that was killed goes on when it is started again. A run that fails is told in one line, the others go on, and the exit
code is 1. docs/experiments.md shows how to ask a question of your own.
"""

import sys
from collections.abc import Sequence

from ramify.command_line import ANSWERED, parse, run
from ramify.experiments.settings import ExperimentSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Prepare, run and compare; 1 if a run failed or is missing."""
    words = list(sys.argv[1:] if argv is None else argv)
    files = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    words = [word for file in words[:files] for word in ("--config", file)] + words[files:]
    if not {"--config", *ANSWERED} & set(words):
        raise ValueError("no experiment given: expected its YAML file, such as configs/experiments/sam_table1.yaml")
    experiment = parse(ExperimentSettings, __doc__, words)
    # What does the work is loaded once the settings are right: it takes seconds.
    from ramify.stages.experiment import run_and_compare

    return run_and_compare(experiment)


if __name__ == "__main__":
    run(main)
