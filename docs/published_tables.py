"""What two published tables support, from the numbers printed in them: `python docs/published_tables.py`.

Prints the tables of docs/comparing.md. A single two-sided t test at 5 %, differences taken as normal, no adjustment for
the number of measures: all of it in favour of a claim.

A published table gives means and standard deviations alone. The spread of paired differences decides, and it hangs on
how strongly the paired values are correlated, which such tables do not say: sd_d² = sd_a² + sd_b² − 2 r sd_a sd_b. So
every possible r is looked at.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from scipy import stats

ALPHA = 0.05


class Range(NamedTuple):
    """Both ends of what a value can be."""

    low: float
    high: float


class PublishedValue(NamedTuple):
    """Mean and standard deviation as a table prints them."""

    mean: float
    sd: float


FOLDS, IRCADB_CASES, DRIVE_TEST_IMAGES = 5, 20, 20
CORRELATIONS = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95)
OURS = "λ_c ≠ 0"
HALF_OF_LAST_DIGIT = 0.00005

SADIKINE_TABLE_1: dict[str, dict[str, PublishedValue]] = {
    "binary": {
        "Dice": PublishedValue(54.25, 3.65),
        "Jaccard": PublishedValue(37.65, 3.46),
        "clDice": PublishedValue(46.84, 3.63),
        "HD": PublishedValue(80.09, 4.83),
    },
    "multi-class": {
        "Dice": PublishedValue(50.31, 4.43),
        "Jaccard": PublishedValue(34.13, 3.98),
        "clDice": PublishedValue(44.34, 2.89),
        "HD": PublishedValue(114.3, 10.9),
    },
    "λ_c = 0": {
        "Dice": PublishedValue(54.27, 4.16),
        "Jaccard": PublishedValue(37.73, 3.87),
        "clDice": PublishedValue(46.90, 2.44),
        "HD": PublishedValue(86.07, 8.07),
    },
    OURS: {
        "Dice": PublishedValue(55.04, 2.79),
        "Jaccard": PublishedValue(38.50, 2.71),
        "clDice": PublishedValue(48.13, 3.52),
        "HD": PublishedValue(82.36, 12.3),
    },
}
"""Sadikine et al. 2023, Table 1: per cent, HD in mm; the paper does not say over what the ± is taken."""

SKELETON_RECALL_RERUN: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "Cracks": (
        {"DSC": 76.67, "clDice": 85.74, "JSI": 65.63, "FNR": 20.38, "FPR": 0.24},
        {"DSC": 75.57, "clDice": 85.43, "JSI": 64.66, "FNR": 18.28, "FPR": 0.32},
    ),
    "DRIVE": (
        {"DSC": 84.02, "clDice": 87.85, "JSI": 72.48, "FNR": 19.22, "FPR": 1.55},
        {"DSC": 83.79, "clDice": 87.64, "JSI": 72.14, "FNR": 19.34, "FPR": 1.60},
    ),
}
"""The re-run of Skeleton Recall, Table 1: Dice + CE, then with Skeleton Recall; per cent, no spread given."""


def differences_sd(sd_a: float, sd_b: float, correlation: float) -> float:
    """Standard deviation of paired differences from those of the two sides and their correlation in [−1, 1]."""
    # Rounding could make it barely negative where both sides move alike.
    return math.sqrt(max(0.0, sd_a**2 + sd_b**2 - 2 * correlation * sd_a * sd_b))


def paired_t_interval(difference: float, sd: float, pairs: int, level: float = 1 - ALPHA) -> Range:
    """Student's interval of a mean paired difference; sd of the differences, pairs >= 2."""
    reach = stats.t.isf((1 - level) / 2, pairs - 1) * sd / math.sqrt(pairs)
    return Range(difference - reach, difference + reach)


def paired_t_p(difference: float, sd: float, pairs: int) -> float:
    """Two-sided p of the paired t test; sd of the differences > 0, pairs >= 2."""
    return float(2 * stats.t.sf(abs(difference) / (sd / math.sqrt(pairs)), pairs - 1))


def largest_significant_sd(difference: float, pairs: int, alpha: float = ALPHA) -> float:
    """Standard deviation of the paired differences below which p < alpha."""
    return abs(difference) * math.sqrt(pairs) / float(stats.t.isf(alpha / 2, pairs - 1))


def correlation_needed(a: PublishedValue, b: PublishedValue, pairs: int, alpha: float = ALPHA) -> float | None:
    """Correlation of the paired values above which p < alpha.

    Returns:
        −1 where any correlation does; None where none does: even perfectly correlated values differ in spread, by
        |sd_a − sd_b| at least.
    """
    allowed = largest_significant_sd(a.mean - b.mean, pairs, alpha)
    if allowed <= abs(a.sd - b.sd):
        return None
    if a.sd == 0 or b.sd == 0:
        return -1.0
    return max(-1.0, (a.sd**2 + b.sd**2 - allowed**2) / (2 * a.sd * b.sd))


def spread_from_dice_and_jaccard(dice: float, jaccard: float, rounding: float = 0.0) -> Range | None:
    """Standard deviation of Dice over cases, from the means of Dice and Jaccard over the same cases.

    Each case has J = D / (2 − D), which is convex: the mean of J exceeds the J of the mean D by about ½ J″ sd², with
    J″ = 4 / (2 − D)³. To second order, and only where both means are over cases.

    Args:
        dice, jaccard: means in [0, 1].
        rounding: half of the last digit printed; the ends of the result are the least and the greatest sd it allows.

    Returns:
        None where even the greatest gap is negative: not means over the same cases.
    """

    def squared(d: float, j: float) -> float:
        return (j - d / (2 - d)) * (2 - d) ** 3 / 2

    least, greatest = squared(dice + rounding, jaccard - rounding), squared(dice - rounding, jaccard + rounding)
    return None if greatest < 0 else Range(math.sqrt(max(0.0, least)), math.sqrt(greatest))


def interval_rows() -> list[str]:
    """The gain in Dice of Sadikine et al. 2023 over the binary network, for each correlation and number of pairs."""
    ours, binary = SADIKINE_TABLE_1[OURS]["Dice"], SADIKINE_TABLE_1["binary"]["Dice"]
    difference = ours.mean - binary.mean
    rows = []
    for correlation in CORRELATIONS:
        sd = differences_sd(ours.sd, binary.sd, correlation)
        cells = [f"{correlation:.2f}", f"{sd:.2f}"]
        for pairs in (FOLDS, IRCADB_CASES):
            low, high = paired_t_interval(difference, sd, pairs)
            cells += [f"{low:+.2f} to {high:+.2f}", f"{paired_t_p(difference, sd, pairs):.3f}"]
        rows.append(_row(cells))
    return rows


def correlation_rows() -> list[str]:
    """The correlation each difference of Sadikine et al. 2023, Table 1, to its best row needs for p < 0.05."""
    rows = []
    for name, baseline in SADIKINE_TABLE_1.items():
        if name == OURS:
            continue
        for measure, ours in SADIKINE_TABLE_1[OURS].items():
            needed = [correlation_needed(ours, baseline[measure], pairs) for pairs in (FOLDS, IRCADB_CASES)]
            difference = f"{ours.mean - baseline[measure].mean:+.2f}"
            rows.append(_row([name, measure, difference, *map(_correlation, needed)]))
    return rows


def spread_rows() -> list[str]:
    """The spread of Dice over cases that the means of Dice and Jaccard imply, that of fold means, and that printed."""
    rows = []
    for name, row in SADIKINE_TABLE_1.items():
        over_cases = _implied_spread(row["Dice"].mean, row["Jaccard"].mean)
        # Four cases a fold: a mean of four spreads half as much as one.
        over_folds = [end * (FOLDS / IRCADB_CASES) ** 0.5 for end in over_cases]
        ranges = [f"{low:.1f} to {high:.1f}" for low, high in (over_cases, over_folds)]
        rows.append(_row([name, *ranges, f"{row['Dice'].sd:.2f}"]))
    return rows


def rerun_rows() -> list[str]:
    """The largest spread of paired differences at which a difference of the re-run is significant."""
    rows = []
    for data_set, (without, with_it) in SKELETON_RECALL_RERUN.items():
        for measure, value in without.items():
            difference = with_it[measure] - value
            spreads = [largest_significant_sd(difference, pairs) for pairs in (FOLDS, DRIVE_TEST_IMAGES)]
            rows.append(_row([data_set, measure, f"{difference:+.2f}", *(f"{sd:.2f}" for sd in spreads)]))
    return rows


def rerun_spread_rows() -> list[str]:
    """The spread of Dice over images that the re-run's means of Dice and Jaccard imply."""
    rows = []
    for data_set, pair in SKELETON_RECALL_RERUN.items():
        ranges = [_implied_spread(values["DSC"], values["JSI"]) for values in pair]
        rows.append(_row([data_set, *(f"{low:.1f} to {high:.1f}" for low, high in ranges)]))
    return rows


def _implied_spread(dice: float, jaccard: float) -> tuple[float, float]:
    """In per cent."""
    spread = spread_from_dice_and_jaccard(dice / 100, jaccard / 100, HALF_OF_LAST_DIGIT)
    assert spread is not None, "no mean Jaccard of these tables lies below that of the mean Dice"
    return 100 * spread.low, 100 * spread.high


def _correlation(needed: float | None) -> str:
    if needed is None:
        return "none suffices"
    return "any" if needed == -1 else f"{needed:.2f}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


TABLES = (interval_rows, correlation_rows, spread_rows, rerun_rows, rerun_spread_rows)


def main() -> None:
    """Print every table."""
    print("\n\n".join("\n".join(rows()) for rows in TABLES))


if __name__ == "__main__":
    main()
