"""The learning rate as a function of the epoch."""

import pytest
import torch

from ramify.training.schedule import check_resumed_epochs, learning_rate, set_learning_rate


def test_constant_does_not_fall():
    assert [learning_rate("constant", 0.1, epoch, 4) for epoch in range(4)] == [0.1] * 4


def test_cosine_falls_from_all_over_half_to_nearly_nothing():
    assert learning_rate("cosine", 0.1, 0, 100) == 0.1
    assert learning_rate("cosine", 0.1, 50, 100) == pytest.approx(0.05)
    assert learning_rate("cosine", 0.1, 99, 100) == pytest.approx(0.1 * 0.000246719, rel=1e-4)


def test_polynomial():
    assert learning_rate("polynomial", 0.1, 0, 10) == 0.1
    assert learning_rate("polynomial", 0.1, 5, 10) == pytest.approx(0.1 * 0.5**0.9)


def test_a_falling_rate_keeps_to_the_epochs_it_was_planned_for():
    check_resumed_epochs("cosine", planned=10, done=4, wanted=10)
    check_resumed_epochs("constant", planned=10, done=10, wanted=20)
    check_resumed_epochs("constant", planned=10, done=4, wanted=4)
    for schedule in ("cosine", "polynomial"):
        for wanted in (6, 20):
            with pytest.raises(ValueError, match=rf"--train.epochs {wanted}: the {schedule} .* over 10; give 10, or"):
                check_resumed_epochs(schedule, planned=10, done=4, wanted=wanted)


def test_fewer_epochs_than_are_done_are_refused():
    with pytest.raises(ValueError, match=r"--train.epochs 3: 4 are done; give at least 4"):
        check_resumed_epochs("constant", planned=10, done=4, wanted=3)


def test_every_weight_gets_the_rate_of_the_epoch():
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))]}, {"params": [torch.nn.Parameter(torch.ones(1))]}]
    optimiser = torch.optim.AdamW(groups, lr=1.0)
    rate = set_learning_rate(optimiser, "cosine", 0.4, 1, 2)
    assert rate == learning_rate("cosine", 0.4, 1, 2) == pytest.approx(0.2)
    assert [group["lr"] for group in optimiser.param_groups] == [rate, rate]
