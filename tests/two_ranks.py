"""Work done by two processes as the ranks of a distributed training."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

RANKS = 2
# Both come from a process that has loaded torch once for all tests, where the system can.
_START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def on_two_ranks(work: Callable[..., Any], folder: Path, *arguments: object) -> list[Any]:
    """What each rank found.

    Args:
        work: called with the rank and the arguments, one thread each; a function of a module.
        folder: where they meet, and leave what they found.
    """
    multiprocessing.set_forkserver_preload(["torch.distributed", "ramify.losses.total", "tests.two_ranks"])
    mp.start_processes(_as_rank, (work, folder, arguments), RANKS, start_method=_START)
    return [torch.load(folder / f"found_{rank}.pt", weights_only=True) for rank in range(RANKS)]


def _as_rank(rank: int, work: Callable[..., Any], folder: Path, arguments: tuple[object, ...]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=RANKS)
    torch.save(work(rank, *arguments), folder / f"found_{rank}.pt")
    dist.destroy_process_group()
