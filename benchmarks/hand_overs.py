"""Code of our own beside the libraries that could do the same: how right, and how long.

    pip install fast-simplification
    python -m benchmarks.hand_overs [--rounds 5] [--part transport|surfaces]

transport: the exact pairing behind the StreetMover distance, beside scipy.optimize.linear_sum_assignment, on the points
of a phantom liver's vessels and of a worsened copy. surfaces: a liver's vessels with as few triangles as a report
shows, beside fast-simplification. Both sides take turns, medians count; kernels are compiled beforehand.
"""

import statistics
from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from benchmarks.cost import alternating_seconds
from benchmarks.liver_mask import SPACING_MM, make_mask
from benchmarks.metrics import worsened
from ramify.command_line import parse, run
from ramify.data.volume import Volume
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.street_mover import points_along
from ramify.metrics.transport import mean_transport_mm
from ramify.report.grouped_surface import SMOOTHING_ROUNDS
from ramify.report.simplification import simplified
from ramify.report.surfaces import Surface, extract_surface, smoothed

Part = Literal["transport", "surfaces"]
POINTS = (500, 1000, 2000, 4000)
TRIANGLES = (30_000, 10_000, 3_000)
# Points on both surfaces at which their distance is measured.
SAMPLES = 20_000


class HandOverBenchmark(BaseModel, frozen=True, extra="forbid"):
    """What to compare."""

    part: Part | None = None
    """One comparison alone."""
    rounds: int = Field(default=5, ge=1)
    """Calls of each side, whose median counts."""
    seeds: tuple[int, ...] = (0, 1)
    """Of the phantoms."""


def main(argv: list[str] | None = None) -> None:
    command = parse(HandOverBenchmark, "Code of our own beside the libraries that could do the same.", argv)
    parts: dict[Part, Callable[[int, int], None]] = {
        "transport": compare_transport,
        "surfaces": compare_surfaces,
    }
    for part, compare in parts.items():
        if command.part in (None, part):
            print(f"\n{part}")
            for seed in command.seeds:
                compare(seed, command.rounds)


def compare_transport(seed: int, rounds: int) -> None:
    """Time of the best pairing with a worsened copy, and with the same graph half a step on; and whether they agree."""
    target = MaskAnalysis(make_mask("small", seed), SPACING_MM).centreline
    prediction = MaskAnalysis(worsened(make_mask("small", seed), seed), SPACING_MM).centreline
    for name, graph, phase in (("prediction", prediction, 0.5), ("floor", target, 0.0)):
        for points in POINTS:
            pair = points_along(graph, points, phase), points_along(target, points)
            mean_transport_mm(*pair)
            calls = {"ours": partial(mean_transport_mm, *pair), "SciPy": partial(by_assignment, *pair)}
            seconds = alternating_seconds(calls, rounds)
            apart = abs(mean_transport_mm(*pair) - by_assignment(*pair))
            print(
                f"phantom {seed}, {name:10} {points:>5} points: {_times(seconds)}, apart by {apart:.1e} mm", flush=True
            )


def by_assignment(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """`metrics.transport.mean_transport_mm` by SciPy's shortest augmenting paths."""
    distances = cdist(first, second)
    return float(distances[linear_sum_assignment(distances)].mean())


def compare_surfaces(seed: int, rounds: int) -> None:
    """Time, triangles, distance to the original, and what became of the surface's topology."""
    mask = make_mask("small", seed)
    full = smoothed(extract_surface(mask, Volume(mask, SPACING_MM)), SMOOTHING_ROUNDS)
    simplified(full, len(full.triangles) - 2)
    print(f"phantom {seed}: {len(full.triangles):,} triangles, {_topology(full)}")
    for most in TRIANGLES:
        sides = {"ours": partial(simplified, full, most), "fast-simplification": partial(by_library, full, most)}
        seconds = alternating_seconds(sides, rounds)
        for side, call in sides.items():
            few, again = call(), call()
            same = np.array_equal(few.points, again.points) and np.array_equal(few.triangles, again.triangles)
            largest, mean = _distance_mm(full, few)
            volume = few.volume_mm3() / full.volume_mm3()
            median = statistics.median(seconds[side])
            print(
                f"  to {most:>6}, {side:20} {median:6.2f} s, {len(few.triangles):>6} triangles, {_topology(few)}",
                end="",
            )
            print(f", distance at most {largest:.2f} mm, mean {mean:.3f} mm, volume {volume:.3f}", end="")
            print("" if same else ", another result each time", flush=True)


def by_library(surface: Surface, most_triangles: int) -> Surface:
    """`report.simplification.simplified` by fast-simplification."""
    import fast_simplification

    points, triangles = fast_simplification.simplify(surface.points, surface.triangles, target_count=most_triangles)
    return Surface(points.astype(np.float64), triangles.astype(np.int32))


def _topology(surface: Surface) -> str:
    """Euler characteristic, and how many edges do not belong to two triangles that run along it in both directions."""
    edges = surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    _, counts = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    used = len(np.unique(surface.triangles))
    return (
        f"Euler {used - len(counts) + len(surface.triangles)}, edges of one triangle {np.count_nonzero(counts == 1)}, "
        f"of more than two {np.count_nonzero(counts > 2)}"
    )


def _distance_mm(first: Surface, second: Surface) -> tuple[float, float]:
    """Largest and mean distance in mm of points spread evenly over each surface to the other one."""
    import trimesh

    away = []
    for one, other in ((first, second), (second, first)):
        points, _ = trimesh.sample.sample_surface(
            trimesh.Trimesh(one.points, one.triangles, process=False), SAMPLES, seed=0
        )
        dense, _ = trimesh.sample.sample_surface(
            trimesh.Trimesh(other.points, other.triangles, process=False), 50 * SAMPLES, seed=1
        )

        away.append(cKDTree(dense).query(points)[0])
    return max(float(distances.max()) for distances in away), float(np.concatenate(away).mean())


def _times(seconds: dict[str, list[float]]) -> str:
    return ", ".join(f"{side} {statistics.median(times):.3f} s" for side, times in seconds.items())


if __name__ == "__main__":
    run(main)
