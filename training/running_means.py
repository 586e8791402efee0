"""Means over the steps of an epoch, which a training can be interrupted amid."""

from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ramify.training.checkpoint_record import MeansState
from ramify.training.distributed import Ranks


class RunningMeans:
    """Sums of what this rank's steps returned, and how many of them returned it."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: Counter[str] = Counter()

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Count what a step returned: scalars by name."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value
            self._counts[name] += 1

    def over(self, ranks: Ranks) -> dict[str, float]:
        """The mean of everything, over the steps of all ranks that returned it."""
        totals = {name: float(value) for name, value in self._sums.items()}
        # A gradient of zero has no cosine: what is returned may differ from step to step, and from rank to rank.
        totals_of_ranks, counts_of_ranks = zip(*ranks.gathered((totals, self._counts)))
        all_counts = sum((Counter(of_rank) for of_rank in counts_of_ranks), start=Counter[str]())
        return {
            name: sum(of_rank.get(name, 0.0) for of_rank in totals_of_ranks) / count
            for name, count in all_counts.items()
        }

    def state(self, ranks: Ranks) -> list[MeansState]:
        """What a checkpoint keeps: the sums of each rank; every rank must ask for it."""
        own: MeansState = {
            "sums": {name: float(value) for name, value in self._sums.items()},
            "counts": dict(self._counts),
        }
        return ranks.gathered(own)

    @classmethod
    def restored(cls, state: Sequence[MeansState], ranks: Ranks) -> "RunningMeans":
        """Those of this rank; where there are fewer ranks than there were, they share what the others had."""
        means = cls()
        for of_rank in state[ranks.rank :: ranks.world]:
            for name, value in of_rank["sums"].items():
                means._sums[name] = means._sums.get(name, torch.zeros(())) + value
            means._counts.update(of_rank["counts"])
        return means
