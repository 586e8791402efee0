"""Which parts of a clean-up are kept: those that help on cases they were not chosen on.

A part (the threshold, the longest gap, the smallest piece, the distance) is decided with what was kept before it. Its
value is chosen by the mean score of all patients but one, and tried on that one; each is left out in turn. It is kept
where the gains on the patients left out are on average above 0, and that by more than chance: p < 0.05 / 4 for each of
the four parts of a mask, by flips of the gains' signs, which takes eight patients at least. Its value is then chosen on
all.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.cleaning.candidates import PARTS, Candidates, Places
from ramify.cleaning.tally import Tally
from ramify.comparison.cross_validation import unit_means
from ramify.comparison.statistics import pairs_to_reach, sign_flip_test
from ramify.training.clean_up import MaskRule

LEVEL = 0.05 / len(PARTS)
LEAST_PATIENTS = pairs_to_reach(LEVEL)
"""With fewer no gain can be told from chance."""
Scores = NDArray[np.float64]


class Part(NamedTuple):
    """What was found of one part of a rule.

    Attributes:
        name: which part.
        value: what all patients together would choose; None for a distance without limit.
        gain: mean over patients left out in turn of (Dice + clDice) / 2.
        p: of a gain of 0.
        kept: whether it is part of the rule.
    """

    name: str
    value: float | None
    gain: float
    p: float
    kept: bool


class Choice(NamedTuple):
    """The clean-up of one mask, and why.

    Attributes:
        rule: what is kept.
        parts: of each part that was tried.
        before, after: means over patients of Dice, clDice and the error of the number of pieces, as predicted, and
            cleaned up as chosen on the other patients.
    """

    rule: MaskRule
    parts: tuple[Part, ...]
    before: dict[str, float]
    after: dict[str, float]

    def as_plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {"parts": [part._asdict() for part in self.parts], "before": self.before, "after": self.after}


def choose(tallies: Sequence[Tally], patients: Sequence[str], candidates: Candidates) -> Choice:
    """The clean-up of a mask, from how every candidate does on each case.

    Args:
        tallies: of each case.
        patients: of each case, whose it is.
        candidates: what was tried.

    Raises ValueError for fewer than LEAST_PATIENTS.
    """
    if (count := len(set(patients))) < LEAST_PATIENTS:
        raise ValueError(f"{count} patients, of {LEAST_PATIENTS} that it takes to tell a gain from chance")
    scores = _of_patients([tally.score for tally in tallies], patients)
    own: list[Places] = [candidates.nothing] * len(scores)
    rule, parts = candidates.nothing, list[Part]()
    for axis, name in enumerate(PARTS):
        if len(candidates[axis]) == 1:
            continue
        # Of the patient that is left out, the score with the value that the others choose.
        tried = [_best(np.delete(scores, out, axis=0), own[out], axis) for out in range(len(scores))]
        gains = np.array([scores[out][tried[out]] - scores[out][own[out]] for out in range(len(scores))])
        p = sign_flip_test(gains).p
        kept = bool(gains.mean() > 0 and p < LEVEL)
        best = _best(scores, rule, axis)
        value = candidates[axis][best[axis]]
        parts.append(Part(name, value if np.isfinite(value) else None, float(gains.mean()), p, kept and best != rule))
        if parts[-1].kept:
            own, rule = tried, best
    of_measures = {name: _of_patients([getattr(tally, name) for tally in tallies], patients) for name in Tally._fields}
    return Choice(
        candidates.rule(rule),
        tuple(parts),
        {name: float(np.mean([each[candidates.nothing] for each in of])) for name, of in of_measures.items()},
        {name: float(np.mean([each[places] for each, places in zip(of, own)])) for name, of in of_measures.items()},
    )


def _best(scores: Scores, places: Places, axis: int) -> Places:
    """Where the mean over patients is highest along one part; of equals the one nearest to the present value."""
    means = scores.mean(axis=0)
    for other in reversed(range(len(places))):
        means = means if other == axis else means.take(places[other], axis=other)
    by_nearness = sorted(range(len(means)), key=lambda place: abs(place - places[axis]))
    # Sums in another order differ in their last bits: what is no better by more is none.
    best = by_nearness[int(np.argmax(np.round(means[by_nearness], 12)))]
    return (*places[:axis], best, *places[axis + 1 :])  # type: ignore[return-value]


def _of_patients(values: Sequence[Scores], patients: Sequence[str]) -> Scores:
    """Means over the cases of each patient, (patients, thresholds, gaps, sizes, distances)."""
    shape = values[0].shape
    flat = np.stack(values).reshape(len(values), -1)
    return np.stack([unit_means(column, patients) for column in flat.T], axis=1).reshape(-1, *shape)
