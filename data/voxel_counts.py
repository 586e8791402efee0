"""How many voxels of each class and scale some cases have, as their records tell."""

import math
from collections.abc import Sequence
from pathlib import Path

from ramify.data.case_store import read_case


def group_voxels(store: Path, case_ids: Sequence[str], n_scales: int) -> dict[tuple[int, int], int]:
    """Voxels of each class number and scale over some cases, of background as (0, 0); context has scale 0.

    Voxels that nobody labelled are in none. Raises ValueError for a case with a scale above n_scales.
    """
    counts: dict[tuple[int, int], int] = {(0, 0): 0}
    for case_id in case_ids:
        case = read_case(store, case_id)
        sampling = case.sampling
        if len(sampling.vessel_voxels) > n_scales:
            raise ValueError(
                f"case {case_id}: scales.npy holds the label {len(sampling.vessel_voxels)}, but there are {n_scales} "
                "scales; run preprocess.py --verify, it makes the case anew"
            )
        for number, scale, voxels in sampling.groups_of_voxels:
            counts[number, scale] = counts.get((number, scale), 0) + voxels
        labelled = sum(group.voxels for group in sampling.groups_of_voxels)
        counts[0, 0] += math.prod(case.known.shape) - labelled - sampling.ignored_voxels
    return counts
