"""Networks on one test set: how often two equal methods are told apart, and how often a true difference is seen.

    python -m benchmarks.test_set_verdicts                      a minute on one core
    python -m benchmarks.test_set_verdicts --experiments 200    quicker, less exact

The difference of two networks on a case is made of what their trainings, the case and both together leave to luck. The
verdict of compare.py (networks and cases at once) stands beside cases as pairs and beside the t test of networks, which
takes the cases for the only ones there are. Prints the tables of docs/results.md.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from ramify.command_line import parse, run
from ramify.comparison.cross_validation import t_test
from ramify.comparison.test_set import crossed_t_test

ALPHA, CASES = 0.05, 20
NETWORKS = (3, 5, 10)
EFFECTS = (0.25, 0.5, 1.0)
Grid = NDArray[np.float64]
LUCK: dict[str, tuple[float, float, float]] = {
    "both together alone": (0.0, 0.0, 1.0),
    "trainings": (0.5, 0.0, 1.0),
    "trainings, far more": (2.0, 0.0, 1.0),
    "cases": (0.0, 1.0, 1.0),
    "trainings and cases": (0.5, 1.0, 1.0),
    "cases, far more": (0.2, 3.0, 1.0),
}
"""Standard deviations of what trainings, cases, and both together leave to luck."""
TESTS: dict[str, Callable[[Grid], float]] = {
    "cases as pairs, t": lambda grid: t_test(grid.mean(axis=0)).p,
    "networks alone, t": lambda grid: t_test(grid.mean(axis=1)).p,
    "networks and cases, t (the verdict)": lambda grid: crossed_t_test(grid).p,
}


class TestSetCommand(BaseModel, frozen=True, extra="forbid"):
    """How exactly to measure."""

    experiments: int = Field(2000, ge=10)
    """Simulated experiments behind every number; of 2000, a share of 5 % is told to within 1 %."""
    seed: int = Field(0, ge=0)
    """Of every random draw."""


def main(argv: Sequence[str] | None = None) -> int:
    command = parse(TestSetCommand, "Verdicts on networks that share a test set.", argv)
    draw = np.random.default_rng(command.seed)
    print(f"| networks | what is left to luck | {' | '.join(TESTS)} |\n| --- | --- |{' --- |' * len(TESTS)}")
    for networks in NETWORKS:
        for name, luck in LUCK.items():
            grids = [drawn_grid(draw, networks, luck) for _ in range(command.experiments)]
            print(
                f"| {networks} | {name} | "
                + " | ".join(f"{claimed(grids, test):.1%}" for test in TESTS.values())
                + " |"
            )
    print(f"\n| networks | true difference | {' | '.join(LUCK)} |\n| --- | --- |{' --- |' * len(LUCK)}")
    for networks in NETWORKS:
        for effect in EFFECTS:
            shares = [
                claimed([effect + drawn_grid(draw, networks, luck) for _ in range(command.experiments)], _verdict)
                for luck in LUCK.values()
            ]
            print(f"| {networks} | {effect:g} | " + " | ".join(f"{share:.0%}" for share in shares) + " |")
    return 0


def drawn_grid(draw: np.random.Generator, networks: int, luck: tuple[float, float, float]) -> Grid:
    """Differences (N, CASES) of two methods that are equal on average over trainings and cases."""
    of_networks, of_cases, left = luck
    return (
        of_networks * draw.normal(size=(networks, 1))
        + of_cases * draw.normal(size=(1, CASES))
        + left * draw.normal(size=(networks, CASES))
    )


def claimed(grids: Sequence[Grid], test: Callable[[Grid], float]) -> float:
    """Share of the experiments in which the test tells the methods apart."""
    return float(np.mean([test(grid) < ALPHA for grid in grids]))


def _verdict(grid: Grid) -> float:
    return crossed_t_test(grid).p


if __name__ == "__main__":
    run(main)
