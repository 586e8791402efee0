"""Ramify's trainers in a distributed training of nnU-Net's; on CPUs, where nnU-Net itself would ask for CUDA."""

import json
import multiprocessing
import os
import socket
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from tests.nnunet.tiny_data import CASES, NAMES
from tests.nnunet.training import results_of, trainer_of

pytestmark = pytest.mark.filterwarnings("default")
RANKS = 2


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def on_the_cpu(form, name, batch):
    """A trainer of this process, of a batch of so many for all of them."""
    import nnunetv2.training.nnUNetTrainer.nnUNetTrainer as home

    # What nnU-Net does for CUDA alone: a device a process, and batch norm over them.
    home.DDP = lambda network, device_ids: DistributedDataParallel(network)
    torch.nn.SyncBatchNorm.convert_sync_batchnorm = lambda network: network
    trainer = trainer_of(form, name, epochs=1)
    trainer.device, trainer.grad_scaler = torch.device("cpu"), None
    trainer.configuration_manager.configuration["batch_size"] = batch
    return trainer


def work(rank, port, form, name, folder):
    """What each process does: an epoch; its weights, and what it drew."""
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=RANKS)
    torch.manual_seed(rank)
    trainer = on_the_cpu(form, name, batch=RANKS)
    trainer.run_training()
    weights = {key: value.detach() for key, value in trainer.network.module.named_parameters()}
    drawn = trainer.loss.generator.get_state() if name == "RamifyScales" else torch.zeros(1)
    torch.save((weights, drawn), folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.parametrize(("name", "form"), [("RamifyScales", "regions"), ("RamifySkeletonRecall", "classes")])
def test_processes_share_the_maps_and_end_with_the_same_weights(name, form, nnunet, tmp_path):
    base = nnunet / "nnUNet_preprocessed" / NAMES[form]
    for made in base.glob("*_ramify_*"):
        for path in made.iterdir():
            path.unlink()
    port = free_port()
    start = multiprocessing.get_context("fork").Process
    processes = [start(target=work, args=(rank, port, form, name, tmp_path)) for rank in range(RANKS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * RANKS
    (one, drawn), (other, drawn_there) = (torch.load(tmp_path / f"{rank}.pt") for rank in range(RANKS))
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[key]) for key, value in one.items())
    assert torch.equal(drawn, drawn_there)
    records = list(base.glob("*_ramify_*/*.json"))
    assert sorted(path.stem for path in records) == list(CASES[:3])
    assert all(json.loads(path.read_text())["sources"] for path in records)
    assert not list(Path(base).glob("*_ramify_*/.part-*"))
    assert (results_of(nnunet, form, name) / "fold_0" / "checkpoint_final.pth").is_file()


def test_a_batch_that_cannot_be_shared_alike_is_refused_in_a_line(nnunet, monkeypatch):
    trainer = trainer_of("binary", "RamifyScales")
    trainer.is_ddp = True
    trainer.configuration_manager.configuration["batch_size"] = 3
    monkeypatch.setattr("ramify.nnunet.scale_trainer.get_world_size", lambda: 2)
    with pytest.raises(ValueError, match="RamifyScales: a batch of 3 cannot be shared alike by 2 processes"):
        trainer.initialize()
