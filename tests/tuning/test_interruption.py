import os
import signal

import pytest

from ramify.tuning.interruption import Interruption


def test_nothing_happens_unasked():
    interruption = Interruption(os.getppid())
    interruption.check()
    with interruption.at_once(), interruption.not_now():
        pass


def test_outside_a_training_it_waits_for_the_next_check():
    interruption = Interruption()
    interruption.ask()
    with pytest.raises(KeyboardInterrupt):
        interruption.check()


def test_in_a_training_it_comes_at_once():
    interruption, trained = Interruption(), []

    def train() -> None:
        with interruption.at_once():
            interruption.ask()
            trained.append("a step too many")

    with pytest.raises(KeyboardInterrupt):
        train()
    assert not trained
    interruption.ask()  # The training is over: no exception from here.


def test_while_the_database_is_spoken_to_it_waits_for_the_end():
    interruption, done = Interruption(), []

    def train() -> None:
        with interruption.at_once():
            with interruption.not_now():
                interruption.ask()
                done.append("reported")
            done.append("a step too many")

    with pytest.raises(KeyboardInterrupt):
        train()
    assert done == ["reported"]


def test_asked_before_a_training_it_does_not_begin():
    interruption = Interruption()
    interruption.ask()
    with pytest.raises(KeyboardInterrupt), interruption.at_once():
        raise AssertionError("the training began")


def test_another_error_of_the_training_passes():
    interruption = Interruption()
    with pytest.raises(ValueError, match="pruned"), interruption.at_once(), interruption.not_now():
        raise ValueError("pruned")
    interruption.ask()  # Not raised here: the training is over.


def test_a_worker_whose_parent_is_gone_ends():
    with pytest.raises(KeyboardInterrupt):
        Interruption(parent=-1).check()


def test_it_is_a_handler_of_signals():
    interruption = Interruption()
    before = signal.signal(signal.SIGTERM, interruption.ask)
    try:
        with pytest.raises(KeyboardInterrupt), interruption.at_once():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
