"""How often two trainings of one method are called different, and how often a true difference is seen.

    python -m benchmarks.verdicts                       some ten minutes on one core
    python -m benchmarks.verdicts --experiments 200     quicker, less exact

Cases of a fold share their networks, and training sets of folds share cases. The verdict of compare.py (folds as pairs,
corrected t test) stands beside cases as pairs and beside other tests of folds. Prints the tables of docs/results.md.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from benchmarks.simulated_experiments import DISTRIBUTIONS, Design, Learners, differences, learned_differences
from ramify.command_line import parse, run
from ramify.comparison.cross_validation import t_test, unit_means
from ramify.comparison.evidence import weigh
from ramify.comparison.statistics import bootstrap_interval, least_p, sign_flip_test, wilcoxon_test
from ramify.comparison.verdict import Adjusted, judge

ALPHA, RESAMPLES = 0.05, 999
SHARES = (0.0, 0.1, 0.2, 0.35, 0.5, 0.9)
EFFECTS = (0.5, 1.0, 1.5, 2.0)

Claim = Callable[[NDArray[np.float64], Sequence[int]], bool]
"""Whether differences of cases, with the fold of each, are called better or worse."""


class VerdictsCommand(BaseModel, frozen=True, extra="forbid"):
    """How exactly to measure."""

    experiments: int = Field(2000, ge=10)
    """Simulated experiments behind every number; of 2000, a share of 5 % is told to within 1 %."""
    seed: int = Field(0, ge=0)
    """Of every random draw."""


def verdict_of_folds(found: NDArray[np.float64], folds: Sequence[int]) -> bool:
    """That of compare.py, where folds are known: looked at only where a test that is less strict has p < 0.05."""
    if not plain_t(found, folds):
        return False
    reference = np.full(len(found), 0.6)
    evidence = weigh(reference + 0.01 * found, reference, 1 - ALPHA, RESAMPLES, units=folds, cross_validated=True)
    assert evidence is not None
    p = {"t": evidence.t.p, "wilcoxon": evidence.wilcoxon.p, "permutation": evidence.permutation.p}
    adjusted = Adjusted(**p, least=evidence.t.least_p, tests=1, decide_by="t", alpha=ALPHA)
    return judge(evidence, adjusted, "higher").is_claim


def verdict_of_cases(found: NDArray[np.float64], folds: Sequence[int]) -> bool:
    """What `--unit case` asks for, every case a pair: Wilcoxon's test, and a bootstrap interval that leaves out 0."""
    return wilcoxon_test(found).p < ALPHA and _interval_leaves_out_zero(found)


def plain_t(found: NDArray[np.float64], folds: Sequence[int]) -> bool:
    """Student's test of the folds' means, without the correction."""
    return t_test(unit_means(found, folds)).p < ALPHA


def signs(found: NDArray[np.float64], folds: Sequence[int]) -> bool:
    """The signs of whole folds flipped."""
    means = unit_means(found, folds)
    return least_p(len(means)) < ALPHA and sign_flip_test(means).p < ALPHA


def cluster_bootstrap(found: NDArray[np.float64], folds: Sequence[int]) -> bool:
    """Whole folds resampled: whether the interval leaves out 0."""
    return _interval_leaves_out_zero(unit_means(found, folds))


def _interval_leaves_out_zero(found: NDArray[np.float64]) -> bool:
    interval = bootstrap_interval(found, 1 - ALPHA, RESAMPLES)
    return interval is not None and not interval.low <= 0 <= interval.high


CLAIMS: Mapping[str, Claim] = {
    "cases as pairs": verdict_of_cases,
    "folds, corrected t (the verdict)": verdict_of_folds,
    "folds, t": plain_t,
    "folds, signs": signs,
    "folds, bootstrap": cluster_bootstrap,
}
VERDICTS: Mapping[str, Claim] = {name: CLAIMS[name] for name in list(CLAIMS)[:2]}
OF_FOLDS: Mapping[str, Claim] = {name: CLAIMS[name] for name in list(CLAIMS)[1:4]}
OF_LEARNERS: Mapping[str, Claim] = {name: CLAIMS[name] for name in list(CLAIMS)[:4]}


def shares(claims: Mapping[str, Claim], drawn: Iterable[NDArray[np.float64]], folds: Sequence[int]) -> list[str]:
    """How often each claims something."""
    counts, experiments = dict.fromkeys(claims, 0), 0
    for found in drawn:
        experiments += 1
        for name, claim in claims.items():
            counts[name] += claim(found, folds)
    return [f"{count / experiments:.1%}" for count in counts.values()]


def print_table(first: str, names: Iterable[str], rows: Iterable[tuple[str, list[str]]]) -> None:
    """In Markdown, a row as soon as it is measured."""
    header = [first, *names]
    print("| " + " | ".join(header) + " |\n| " + " | ".join(["---"] * len(header)) + " |")
    for start, cells in rows:
        print("| " + " | ".join([start, *cells]) + " |", flush=True)
    print()


def designs() -> dict[str, Design]:
    """Cross-validations of many shapes in which there is nothing to find."""
    found = {}
    for folds in (2, 3, 5, 8, 10):
        for cases in (1, 4, 20):
            for share in (0.0, 0.5, 0.9):
                found[f"{folds} folds of {cases}, {share:.0%} shared"] = Design((cases,) * folds, share)
    for sizes in ((1, 1, 1, 1, 20), (1, 5, 10, 15, 20), (1, 20, 20)):
        for share in (0.0, 0.35, 0.9):
            found[f"folds of {', '.join(map(str, sizes))}, {share:.0%} shared"] = Design(sizes, share)
    for seeds in (3, 5):
        found[f"5 folds of 4, 50% shared, {seeds} seeds"] = Design(shared=0.5, seeds=seeds)
    for name in DISTRIBUTIONS:
        for folds in (3, 5, 10):
            found[f"{name}, {folds} folds of 4, 50% shared"] = Design((4,) * folds, 0.5, distribution=name)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(VerdictsCommand, "Measure false verdicts and power on simulated experiments.", argv)
    count, seed = command.experiments, command.seed

    def measured(claims: Mapping[str, Claim], design: Design) -> list[str]:
        return shares(claims, differences(design, count, seed), design.folds)

    print("False verdicts, 5 folds of 4 cases, by the share of variance that a fold's networks have in common\n")
    print_table("shared", CLAIMS, ((f"{share:.2f}", measured(CLAIMS, Design(shared=share))) for share in SHARES))
    print("Power, by the same share and the true difference in standard deviations of a case's difference\n")
    print_table(
        "shared, difference",
        VERDICTS,
        (
            (f"{share:.2f}, {effect:g}", measured(VERDICTS, Design(shared=share, effect=effect)))
            for share in (0.0, 0.2, 0.5)
            for effect in EFFECTS
        ),
    )
    print("False verdicts in other cross-validations\n")
    print_table("", OF_FOLDS, ((name, measured(OF_FOLDS, design)) for name, design in designs().items()))
    print("False verdicts on two learners that are equally good, by what they are cross-validated on\n")
    every = (Learners(20, 5, 2, 0.1), Learners(20, 5, 8), Learners(20, 5, 12), Learners(60, 5, 8), Learners(60, 10, 20))
    print_table("", OF_LEARNERS, (_learned(each, count, seed) for each in every))
    error = math.sqrt(ALPHA * (1 - ALPHA) / count)
    print(f"{count} experiments a number: standard error of 5 %: {error:.1%}")


def _learned(learners: Learners, count: int, seed: int) -> tuple[str, list[str]]:
    folds = (np.arange(learners.cases) % learners.folds).tolist()
    name = f"{learners.cases} cases, {learners.folds} folds, {learners.features} features"
    return name, shares(OF_LEARNERS, learned_differences(learners, count, seed), folds)


if __name__ == "__main__":
    run(main)
