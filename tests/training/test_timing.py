"""The clock of a training, with time that passes only when told to."""

import pytest
import torch

from ramify.training.timing import MEASURED_STEPS, WARM_UP_STEPS, Timing


def test_a_step_is_the_median_of_those_after_the_first_and_an_epoch_has_its_own_seconds():
    now = [0.0]
    timing = Timing(torch.device("cpu"), lambda: now[0])

    def step(seconds: float) -> None:
        now[0] += seconds
        timing.step_done()

    timing.begin_epoch()
    for _ in range(WARM_UP_STEPS):
        step(60.0)  # kernels are compiled
    assert timing.step_seconds is None
    now[0] += 500.0  # a validation between two epochs is no step's
    timing.begin_epoch()
    for seconds in (*[2.0] * (MEASURED_STEPS - 1), 9.0):
        step(seconds)
    step(1.0)
    assert timing.step_seconds == 2.0
    row = timing.row()
    assert (row["steps"], row["training_seconds"]) == (MEASURED_STEPS + 1, 2.0 * (MEASURED_STEPS - 1) + 10.0)
    assert (row["peak_process_mb"] or 0) > 1
    assert row["validation_seconds"] is None
    with timing.validating():
        now[0] += 7.0
    assert timing.row()["validation_seconds"] == 7.0
    timing.begin_epoch()
    assert timing.row()["validation_seconds"] is None


def test_on_a_gpu_the_peak_is_what_was_given_out_there_since_the_epoch_began(monkeypatch):
    began = []
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 5_000_000_000)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", began.append)
    device = torch.device("cuda")
    timing = Timing(device)
    timing.begin_epoch()
    assert began == [device]
    assert timing.row()["peak_device_mb"] == pytest.approx(5000.0)
