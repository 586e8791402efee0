"""The learning rate as a function of the epoch, and in a warm-up of what is done of it."""

import pytest
import torch

from ramify.training.schedule import check_resumed_epochs, learning_rate, set_learning_rate
from ramify.training.settings import TrainSettings


def rate(schedule, epoch, epochs, share=1.0, warm_up=0):
    train = {"schedule": schedule, "learning_rate": 0.1, "epochs": epochs, "warm_up_epochs": warm_up}
    return learning_rate(TrainSettings.model_validate(train), epoch, share)


def test_constant_does_not_fall():
    assert [rate("constant", epoch, 4, share) for epoch in range(4) for share in (0.25, 1.0)] == [0.1] * 8


def test_cosine_falls_from_all_over_half_to_nearly_nothing():
    assert rate("cosine", 0, 100) == 0.1
    assert rate("cosine", 50, 100) == pytest.approx(0.05)
    assert rate("cosine", 99, 100) == pytest.approx(0.1 * 0.000246719, rel=1e-4)


def test_polynomial():
    assert rate("polynomial", 0, 10) == 0.1
    assert rate("polynomial", 5, 10) == pytest.approx(0.1 * 0.5**0.9)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "polynomial"])
def test_a_warm_up_rises_with_each_update_and_the_rest_is_the_schedule(schedule):
    rising = [rate(schedule, epoch, 12, share, warm_up=2) for epoch in range(2) for share in (0.25, 0.5, 0.75, 1.0)]
    assert rising == pytest.approx([0.1 * eighth / 8 for eighth in range(1, 9)])
    after = [rate(schedule, epoch, 12, warm_up=2) for epoch in range(2, 12)]
    assert after == [rate(schedule, epoch, 10) for epoch in range(10)]


def test_a_warm_up_that_is_all_of_a_training_is_refused():
    with pytest.raises(ValueError, match="warm_up_epochs: expected fewer than the 4 epochs of the training, got 4"):
        rate("constant", 0, 4, warm_up=4)


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


def test_every_weight_gets_the_rate():
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))]}, {"params": [torch.nn.Parameter(torch.ones(1))]}]
    optimiser = torch.optim.AdamW(groups, lr=1.0)
    set_learning_rate(optimiser, 0.2)
    assert [group["lr"] for group in optimiser.param_groups] == [0.2, 0.2]
