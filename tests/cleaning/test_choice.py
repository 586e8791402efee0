"""What is tried is scored as if masks were cleaned, and kept where it helps on patients left out in turn."""

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from ramify.cleaning.candidates import Candidates, Places
from ramify.cleaning.choice import LEAST_PATIENTS, choose
from ramify.cleaning.tally import Tally, tally_of
from ramify.metrics.overlap import dice
from ramify.vessels.bridges import bridged
from ramify.vessels.components import label_components
from ramify.vessels.solid import skeletonize_solid

FEW = Candidates((0.3, 0.5), (0.0, 6.0), (0.0, 20.0, 60.0), (math.inf, 10.0, 4.0))
SPACING_MM = (1.5, 1.0, 1.0)


def tubes(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and truth: a tree of tubes, a gap and a part hardly seen, specks near and far."""
    random = np.random.default_rng(seed)
    truth = np.zeros((12, 24, 30), bool)
    truth[4:7, 4:7, 3:27] = truth[4:7, 4:20, 12:15] = True
    probabilities = np.where(truth, 0.9, 0.0)
    probabilities[4:7, 14:20, 12:15] = 0.4
    probabilities[4:7, 4:7, 20:23] = 0.2
    for _ in range(8):
        z, y, x = (int(random.integers(0, size - 3)) for size in truth.shape)
        block = probabilities[z : z + 3, y : y + 2, x : x + int(random.integers(1, 4))]
        np.maximum(block, 0.45 if random.random() < 0.5 else 0.8, out=block)
    return probabilities.astype(np.float32), truth


def bridged_at(probabilities: np.ndarray) -> Callable[[float], list[np.ndarray]]:
    return lambda value: bridged(probabilities >= value, probabilities, SPACING_MM, FEW.bridge_mm)


@pytest.mark.parametrize("with_known", [False, True])
def test_each_candidate_scores_as_the_mask_that_it_leaves(with_known):
    tried = 0
    for seed in range(2):
        probabilities, truth = tubes(seed)
        known = np.random.default_rng(seed).random(truth.shape) < 0.8 if with_known else None
        tally = tally_of(bridged_at(probabilities), truth, SPACING_MM, FEW, known)
        assert tally is not None
        counted = np.ones_like(truth) if known is None else known
        line = skeletonize_solid(truth & counted, SPACING_MM).skeleton & truth & counted
        for places in product(*(range(len(values)) for values in FEW)):
            rule = FEW.rule(places)
            whole = rule.bridged(probabilities >= rule.threshold, probabilities, SPACING_MM)
            left = rule.kept(whole, SPACING_MM)
            assert tally.dice[places] == pytest.approx(dice(left & counted, truth & counted))
            own = skeletonize_solid(left, SPACING_MM).skeleton & left & counted
            shares = (own & truth).sum() / own.sum(), (line & left).sum() / line.sum()
            assert tally.cldice[places] == pytest.approx(2 * shares[0] * shares[1] / sum(shares))
            pieces = [label_components(mask)[1] for mask in (left, truth & counted)]
            assert tally.pieces_error[places] == abs(pieces[0] - pieces[1])
            tried += 1
        assert len(np.unique(tally.dice)) > 6
        assert (tally.pieces_error[:, 0] != tally.pieces_error[:, 1]).any()
    assert tried == 72


def test_nothing_found_where_nothing_is_says_nothing():
    empty, speck = np.zeros((4, 5, 6), bool), np.zeros((4, 5, 6), bool)
    speck[2, 2, 2] = True
    assert tally_of(lambda _: [empty, empty], empty, SPACING_MM, FEW) is None
    found = tally_of(lambda value: 2 * [speck if value < 0.5 else empty], empty, SPACING_MM, FEW)
    assert found is not None
    # A wrong speck at the lower threshold, and agreement at the higher one.
    assert found.dice[:, 0, 0, 0].tolist() == found.cldice[:, 0, 0, 0].tolist() == [0.0, 1.0]
    missed = tally_of(lambda _: [empty, empty], speck, SPACING_MM, FEW)
    assert missed is not None
    assert not missed.dice.any()
    assert not missed.cldice.any()


def tally(gains: dict[Places, float]) -> Tally:
    """A case whose score is 0.5, and more for some candidates."""
    scores = np.full([len(values) for values in FEW], 0.5)
    for places, gain in gains.items():
        scores[places] += gain
    return Tally(scores, scores, np.zeros_like(scores))


NAMES = [f"p{number}" for number in range(LEAST_PATIENTS)]


def test_what_helps_each_patient_is_kept_and_what_helps_one_is_not():
    every = {(1, 0, place, 0): 0.01 * place for place in (1, 2)}
    choice = choose([tally(every) for _ in NAMES], NAMES, FEW)
    assert choice.rule == FEW.rule((1, 0, 2, 0))
    assert [(part.name, part.kept) for part in choice.parts] == [
        ("threshold", False),
        ("bridge_mm", False),
        ("smallest_mm3", True),
        ("farthest_mm", False),
    ]
    assert choice.parts[2].gain == pytest.approx(0.02)
    assert (choice.before["dice"], choice.after["dice"]) == (pytest.approx(0.5), pytest.approx(0.52))
    # A great gain of one patient, chosen by its own score and tried on the others: it is none.
    one = [tally({(1, 0, 2, 0): 0.4}), *(tally({(1, 0, 2, 0): -0.001}) for _ in NAMES[1:])]
    choice = choose(one, NAMES, FEW)
    assert choice.rule == FEW.rule(FEW.nothing)
    assert choice.before == choice.after


def test_chance_is_not_kept():
    """Gains and losses alike, drawn: of many such runs no more than the level are kept."""
    kept = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        cases = [
            tally({p: random.normal(0, 0.02) for p in product(range(2), range(2), range(3), range(3))}) for _ in NAMES
        ]
        kept += choose(cases, NAMES, FEW).rule != FEW.rule(FEW.nothing)
    assert kept <= 6


def test_a_part_is_decided_with_those_before_it():
    """Bridges help where the threshold is low alone; the threshold helps by itself."""
    gains = {(0, 0, 0, 0): 0.02, (0, 1, 0, 0): 0.05, (1, 1, 0, 0): -0.05}
    choice = choose([tally(gains) for _ in NAMES], NAMES, FEW)
    assert choice.rule == FEW.rule((0, 1, 0, 0))
    assert [part.gain for part in choice.parts[:2]] == [pytest.approx(0.02), pytest.approx(0.03)]


def test_two_scans_of_a_patient_are_one_patient():
    every = {(1, 0, 1, 0): 0.05}
    with pytest.raises(ValueError, match=f"{LEAST_PATIENTS - 1} patients, of {LEAST_PATIENTS} that it takes"):
        choose([tally(every) for _ in NAMES], [*NAMES[:-1], NAMES[0]], FEW)
    choice = choose([tally(every) for _ in range(2 * len(NAMES))], [*NAMES, *NAMES], FEW)
    assert choice.parts[2].p == pytest.approx(2 ** (1 - LEAST_PATIENTS))
