import numpy as np

from benchmarks import class_cost
from ramify.metrics.classes import label_boxes


def test_vessels_of_every_class_and_half_of_their_walls(monkeypatch):
    monkeypatch.setattr(class_cost, "SHAPE", (40, 60, 60))
    prediction, truth = class_cost.label_maps()
    assert set(label_boxes(truth, range(1, 14))) == set(range(1, 14))
    assert set(np.unique(prediction[prediction != truth])) == {0}
    assert 0.5 < np.count_nonzero(prediction) / np.count_nonzero(truth) < 0.95
