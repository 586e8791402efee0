"""Learn from the folds of a run how its predictions are to be cleaned up.

    python clean_up.py --run runs/paper

Each fold's network segments the validation cases of its fold, which it did not see. Of every class or region of vessels
the threshold, the longest gap that is bridged (mm), the smallest piece (mm3) and the largest distance from the largest
piece (mm) are kept where they raise (Dice + clDice) / 2 on patients left out in turn by more than chance;
docs/training.md says how. What is kept stands in RUN/clean_up.json, and predict.py obeys it.
"""

from collections.abc import Sequence

from ramify.cleaning.settings import CleanUpSettings
from ramify.command_line import parse, run


def main(argv: Sequence[str] | None = None) -> int:
    settings = parse(CleanUpSettings, __doc__, argv)
    # What does the work is loaded once the settings are right: it takes seconds.
    from ramify.stages.clean_up import clean_up

    clean_up(settings)
    return 0


if __name__ == "__main__":
    run(main)
