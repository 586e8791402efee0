"""What is left of each scale where deep supervision takes the truth by blocks, by which label a block gets.

    python -m benchmarks.blocks [--cases STORE]

For blocks of 2, 4 and 8 voxels a side, of the blocks that hold a scale the share that keeps it: with the largest label,
the smallest, that of most of the block's vessel voxels (what `multi_class` takes), and where each scale has a mask of
its own (what the tasks of `multi_task` have). In the cases of a store, or else in four phantoms.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from pydantic import BaseModel
from torch import Tensor

from benchmarks.patches import make_phantoms
from ramify.command_line import parse, run
from ramify.data.case_store import count_scales, list_cases, read_case
from ramify.losses.truth import CoarserTruth, Truth
from ramify.tasks.members import of_scale

SIDES = (2, 4, 8)
Masks = Callable[[CoarserTruth, Tensor], Tensor]
"""From the coarse truth and the blocks that hold each scale, (S, *s), to the blocks that are said to."""


class BlocksBenchmark(BaseModel, frozen=True, extra="forbid"):
    """What to measure."""

    cases: Path | None = None
    """Prepared cases; none makes four phantoms of 96 x 96 x 96 voxels."""


def only(labels: Tensor, n_scales: int) -> Tensor:
    """The mask of each scale, (S, *s), where a block has one label (*s)."""
    return torch.stack([labels == scale for scale in range(1, 1 + n_scales)])


def largest(_: CoarserTruth, holds: Tensor) -> Tensor:
    scales = torch.arange(1, 1 + len(holds)).view(-1, *[1] * (holds.ndim - 1))
    return only((holds * scales).amax(0), len(holds))


def smallest(_: CoarserTruth, holds: Tensor) -> Tensor:
    return only(torch.where(holds.any(0), 1 + holds.int().argmax(0), 0), len(holds))


def most(truth: CoarserTruth, holds: Tensor) -> Tensor:
    return only(truth.exclusive_labels("scales", len(holds))[0], len(holds))


RULES: dict[str, Masks] = {
    "largest label": largest,
    "smallest label": smallest,
    "that of most vessel voxels": most,
    "each mask by itself": lambda _, holds: holds,
}


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(BlocksBenchmark, "What is left of each scale in blocks.", argv)
    with tempfile.TemporaryDirectory() as name:
        cases = command.cases or make_phantoms(Path(name) / "phantoms", 4, 96)
        n_scales = count_scales(cases)
        print(f"{'blocks of':12}{'label':28}" + "".join(f"{f'scale {scale}':>10}" for scale in range(1, 1 + n_scales)))
        for side in SIDES:
            for rule, kept in shares_kept(cases, side, n_scales).items():
                print(f"{side:<12}{rule:28}" + "".join(f"{share:>10.1%}" for share in kept.tolist()))


def shares_kept(cases: Path, side: int, n_scales: int) -> dict[str, Tensor]:
    """By rule, of the blocks of that side that hold each scale the share that keeps it, (S,), over all cases."""
    held, kept = torch.zeros(n_scales), {rule: torch.zeros(n_scales) for rule in RULES}
    for name in list_cases(cases):
        scale_map = torch.tensor(read_case(cases, name).arrays["scales"])
        whole = tuple(slice(0, n // side * side) for n in scale_map.shape)
        truth = Truth(scale_map[whole][None]).coarser([n // side for n in scale_map.shape])
        holds = torch.stack([truth.mask(of_scale(scale))[0] for scale in range(1, 1 + n_scales)])
        held += holds.flatten(1).sum(1)
        for rule, masks in RULES.items():
            kept[rule] += (masks(truth, holds) & holds).flatten(1).sum(1)
    return {rule: its / held.clamp(min=1) for rule, its in kept.items()}


if __name__ == "__main__":
    run(main)
