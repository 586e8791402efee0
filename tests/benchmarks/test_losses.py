"""The table of losses, tiny: every loss has its row, and the plain contrast is the one that it is measured against."""

import importlib.util

import numpy as np
import pytest
import torch
from torch.nn import functional

from benchmarks import loss_overhead, loss_peers, losses
from benchmarks.loss_inputs import loss_inputs, phantom_vessels
from benchmarks.plain_losses import plain_contrastive_loss
from ramify.losses import soft_skeletonisation
from ramify.losses.contrastive import contrastive_loss
from ramify.losses.term_settings import TERM_SETTINGS
from ramify.losses.terms import TERMS
from tests.asked import ASKED


@pytest.fixture
def tiny(in_this_process, monkeypatch, tmp_path):
    """Everything in this process and on small networks; what the benchmark sets for all is set back."""
    for module in (loss_peers, loss_overhead):
        in_this_process(module)
    monkeypatch.setattr(soft_skeletonisation, "COMPILED", soft_skeletonisation.COMPILED)
    monkeypatch.setitem(loss_overhead.LEVELS, "cpu", 2)
    known, settings = dict(TERMS), dict(TERM_SETTINGS)
    yield ["--device", "cpu", "--repeats", "1", "--output", str(tmp_path)]
    for table, before in ((TERMS, known), (TERM_SETTINGS, settings)):
        table.clear()
        table.update(before)


def test_peers(tiny, capsys, numbers_of):
    small = ["--sizes", "16", "--iterations", "1", "2", "--anchors", "48", "--topo-size", "16"]
    losses.main([*tiny, "--part", "peers", *small])
    header, *rows = capsys.readouterr().out.splitlines()
    assert "peer" in header
    names = [row[:34].strip() for row in rows]
    assert names == [
        *("soft-clDice 16^3, k = 1", "without compiled kernels", "soft-clDice 16^3, k = 2", "without compiled kernels"),
        *("contrastive, 48 anchors", "contrastive, 192 anchors", "Topo-clDice 16^3, k = 10"),
    ]
    # Time and memory of ours, of the peer where there is one, and what is between the two.
    assert [len(numbers_of(row[50:].replace("1/", ""))) for row in rows] == [6, 6, 6, 6, 6, 2, 2]
    assert np.isfinite([number for row in rows for number in numbers_of(row[50:])]).all()


def test_overhead(tiny, capsys, tmp_path, monkeypatch, numbers_of):
    names = ["tversky", loss_overhead.PEER]
    setting = loss_overhead.Setting(ASKED["multi_task"], 3, (16, 16, 16), "cpu")
    monkeypatch.setattr(loss_overhead, "overhead_of_losses", lambda *_: loss_overhead.overheads(names, setting, 1))
    losses.main([*tiny, "--part", "overhead", "--step-size", "16", "16", "16", "--classes", "2"])
    _, header, *rows, _, figure = capsys.readouterr().out.splitlines()
    assert "classes" in header
    of_classes = [loss_overhead.PLAIN, *loss_overhead.COLOURS]
    assert [row[:24].strip() for row in rows] == [loss_overhead.PLAIN, *names, *of_classes]
    found = np.array([numbers_of(row[24:]) for row in rows])
    assert found.shape == (7, 5)
    assert np.isfinite(found).all()
    assert found[:, 0].tolist() == [3] * 3 + [2] * 4
    # The plain step adds nothing to itself.
    assert found[[0, 3]][:, [2, 4]].tolist() == [[0, 0]] * 2
    assert figure == f"figure: {tmp_path / 'losses_cpu.png'}"
    assert (tmp_path / "losses_cpu.png").read_bytes()[:4] == b"\x89PNG"


def test_every_loss_is_measured_and_every_number_of_classes(monkeypatch):
    asked = []
    monkeypatch.setattr(loss_overhead, "overheads", lambda names, setting, _: asked.append((names, setting)) or [])
    assert not list(loss_overhead.overhead_of_losses((16, 16, 16), "cpu", 1))
    assert not list(loss_overhead.overhead_of_classes((1, 5), (16, 16, 16), "cpu", 1))
    (names, _), (_, one), (_, five) = asked
    # The perceptual loss needs a file of weights.
    extra = {name for name in TERMS if name not in ("dice", "cross_entropy", "perceptual")}
    if not importlib.util.find_spec("gudhi"):
        extra.remove("persistent_homology")
    assert set(names) == extra | {loss_overhead.PEER}
    assert [(setting.tasks.main, setting.classes) for setting in (one, five)] == [("scales", 1), ("scales", 5)]


def test_the_whole_matrix_is_the_same_contrast():
    random = torch.Generator().manual_seed(0)
    drawn = functional.normalize(torch.randn(40, 8, generator=random, dtype=torch.float64), dim=1)
    labels = torch.randint(1, 4, (40,), generator=random)
    expected = contrastive_loss(drawn, labels, 0.5)
    torch.testing.assert_close(plain_contrastive_loss(drawn, labels, 0.5), expected)


def test_the_plain_contrast_by_hand():
    # Two of one scale, at right angles to the third: e^(1 / τ) for the pair, e^0 for the negative.
    embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    loss = plain_contrastive_loss(embeddings, torch.tensor([1, 1, 2]), 0.5)
    assert loss.item() == pytest.approx(np.log1p(np.exp(-2.0)))


def test_inputs_are_a_half_trained_networks():
    vessels = phantom_vessels((16, 16, 16))
    inputs = loss_inputs((16, 16, 16), "cpu")
    assert inputs.logits.shape == inputs.target.shape == (1, 1, 16, 16, 16)
    np.testing.assert_array_equal(inputs.target[0, 0].numpy() > 0, vessels)
    logits = inputs.logits[0, 0].numpy()
    assert 0 < vessels.mean() < 0.2
    assert logits[vessels].mean() > logits[~vessels].mean()
    # Neither perfect nor blind: gaps within the vessels and false alarms outside.
    assert (logits[vessels] < 0).any()
    assert (logits[~vessels] > 0).any()
