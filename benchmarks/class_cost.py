"""What it costs to compare label maps of many classes: thirteen vessels apart, against the same as one mask.

    python -m benchmarks.class_cost

Prints seconds of one core, with kernels compiled, of all fast families; the volume is 140 x 400 x 400 voxels.
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from ramify.metrics.class_scores import evaluate_classes
from ramify.metrics.classes import LabelClass

SHAPE, SPACING, CLASSES = (140, 400, 400), (1.0, 0.7, 0.7), 13


def label_maps(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Winding vessels, seven voxels thick, and a prediction that lacks half the voxels of their walls."""
    generator = np.random.default_rng(seed)
    truth = np.zeros(SHAPE, dtype=np.int32)
    last = np.array(SHAPE) - 7
    for label in range(1, CLASSES + 1):
        place, heading = generator.uniform(20, last - 13), generator.normal(size=3)
        for _ in range(400):
            heading += 0.2 * generator.normal(size=3)
            heading /= np.linalg.norm(heading)
            place = np.clip(place + heading, 6, last)
            truth[tuple(slice(int(middle) - 3, int(middle) + 4) for middle in place)] = label
    wall = (truth > 0) & ~np.all([np.roll(truth > 0, step, axis) for axis in range(3) for step in (1, -1)], axis=0)
    return np.where(wall & (generator.random(SHAPE) < 0.5), 0, truth), truth


def seconds(work: Callable[[], object]) -> float:
    """Of one core."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main() -> None:
    """Measure and print."""
    prediction, truth = label_maps()
    apart = [LabelClass(str(label), (label,)) for label in range(1, CLASSES + 1)]
    together = [LabelClass("all", tuple(range(1, CLASSES + 1)))]
    evaluate_classes(prediction, truth, SPACING, together)  # compiles
    for words, classes in ((f"{CLASSES} classes", apart), ("as one mask", together), ("one of them", apart[:1])):
        cost = seconds(partial(evaluate_classes, prediction, truth, SPACING, classes))
        print(f"{words}: {cost:.1f} s")


if __name__ == "__main__":
    main()
