"""What each loss term pulls at, and the claim about Skeleton Recall it was written for."""

import pytest
import torch
from torch import nn

from ramify.losses.settings import LossSettings
from ramify.losses.term_settings import TERM_SETTINGS
from ramify.losses.terms import TERMS, Term
from ramify.losses.total import TotalLoss
from ramify.losses.truth import Truth
from ramify.models.outputs import TaskOutputs
from ramify.training.gradient_figure import gradient_courses
from ramify.training.gradients import term_gradients
from tests.asked import asked, counts_of


class Pixelwise(nn.Module):
    """One weight a channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(1, channels, 1, bias=False)

    def forward(self, image: torch.Tensor) -> TaskOutputs:
        return TaskOutputs(self.encoder(image), ())


def looked_at(network, image, truth, loss):
    return term_gradients(loss, network(image), truth, network)


@pytest.fixture
def scene():
    generator = torch.Generator().manual_seed(0)
    labels = (torch.rand(2, 8, 8, generator=generator) < 0.3).long()
    return torch.randn(2, 1, 8, 8, generator=generator), Truth(labels, labels > 0)


def test_norms_and_cosines_are_those_of_autograd(scene):
    image, truth = scene
    network = Pixelwise(1)
    settings = LossSettings(main={"dice": 2.0, "cross_entropy": 1.0}, foreground_weight=3.0)
    loss = TotalLoss(settings, asked("binary", 1))
    looks = looked_at(network, image, truth, loss)
    by_logits, by_weight = {}, {}
    for name in ("main/dice", "main/cross_entropy"):
        outputs = network(image)
        value = loss(outputs, truth, differentiable_terms=True)[name]
        pulls = torch.autograd.grad(value, [outputs.logits, network.encoder.weight])
        by_logits[name], by_weight[name] = (pull.flatten() for pull in pulls)
    slope = torch.sigmoid(outputs.logits) * torch.sigmoid(-outputs.logits)
    by_probabilities = {name: pull / slope.detach().flatten() for name, pull in by_logits.items()}
    for place, pulls in (("probabilities", by_probabilities), ("logits", by_logits), ("encoder", by_weight)):
        reference = sum(pulls.values())
        for name, pull in pulls.items():
            assert looks[f"gradient/{place}/{name}/norm"] == pytest.approx(pull.norm().item(), rel=1e-4)
            cosine = torch.cosine_similarity(pull, reference, dim=0).item()
            assert looks[f"gradient/{place}/{name}/cosine"] == pytest.approx(cosine, abs=1e-4)


def test_skeleton_recall_pulls_at_the_probabilities_by_the_label_alone_but_not_at_the_logits(scene):
    """The claim of "Reassessing utility of topology based losses", and its limit."""
    image, truth = scene
    loss = TotalLoss(LossSettings(main={"dice": 1.0, "skeleton_recall": 1.0}), asked("binary", 1), counts_of(1, 1))
    norms = []
    for factor in (0.0, 1.0, 20.0):
        network = Pixelwise(1)
        nn.init.constant_(network.encoder.weight, factor)
        norms.append(looked_at(network, image, truth, loss))
    at_probabilities = [look["gradient/probabilities/main/skeleton_recall/norm"] for look in norms]
    at_logits = [look["gradient/logits/main/skeleton_recall/norm"] for look in norms]
    tube = truth.tubed_skeleton.sum().item()
    assert at_probabilities == pytest.approx([tube**-0.5] * 3, rel=1e-4)
    assert at_logits[0] == pytest.approx(0.25 * tube**-0.5, rel=1e-4)  # the sigmoid's slope at 0
    assert at_logits[2] < 0.5 * at_logits[0]


def test_exclusive_classes_have_no_free_probabilities(scene):
    image, truth = scene
    looks = looked_at(Pixelwise(2), image, truth, TotalLoss(LossSettings(), asked("multi_class", 1), counts_of(1, 1)))
    assert {name.split("/")[1] for name in looks} == {"logits", "encoder"}


def test_a_term_that_pulls_at_nothing_has_no_cosine(scene, monkeypatch):
    image, truth = scene
    monkeypatch.setitem(TERM_SETTINGS, "nothing", None)
    monkeypatch.setitem(TERMS, "nothing", Term(lambda task, _: task.probabilities.sum() * 0))
    looks = looked_at(
        Pixelwise(1),
        image,
        truth,
        TotalLoss(LossSettings(main={"dice": 1.0, "nothing": 1.0}), asked("binary", 1), counts_of(1, 1)),
    )
    assert looks["gradient/logits/main/nothing/norm"] == 0
    assert "gradient/logits/main/nothing/cosine" not in looks


def test_looking_changes_neither_the_graph_nor_the_gradient(scene):
    image, truth = scene
    network = Pixelwise(1)
    loss = TotalLoss(LossSettings(), asked("binary", 1), counts_of(1, 1))
    outputs = network(image)
    total = loss(outputs, truth)["total"]
    term_gradients(loss, outputs, truth, network)
    assert network.encoder.weight.grad is None
    total.backward()
    expected = torch.autograd.grad(loss(network(image), truth)["total"], network.encoder.weight)[0]
    torch.testing.assert_close(network.encoder.weight.grad, expected)


def test_the_courses_are_drawn_only_where_there_are_any():
    assert gradient_courses([{"epoch": 0.0, "loss/total": 1.0}]) is None
    key = "gradient/logits/main/dice"
    history = [{"epoch": float(epoch), f"{key}/norm": 0.1 * epoch + 0.1, f"{key}/cosine": 0.5} for epoch in range(3)]
    picture = gradient_courses(history)
    assert picture is not None
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_layers_in_float16_lose_no_gradient_that_is_small_or_large(scene, monkeypatch, size):
    image, truth = scene
    monkeypatch.setitem(TERM_SETTINGS, "of_a_size", None)
    monkeypatch.setitem(TERMS, "of_a_size", Term(lambda task, _: size * (task.probabilities * task.target).sum()))
    loss = TotalLoss(LossSettings(main={"dice": 1.0, "of_a_size": 1.0}), asked("binary", 1), counts_of(1, 1))
    network = Pixelwise(1)
    nn.init.constant_(network.encoder.weight, 0.5)
    exact = looked_at(network, image, truth, loss)
    rounded = looked_at(network.half(), image.half(), truth, loss)
    for name in ("of_a_size/norm", "of_a_size/cosine", "dice/norm"):
        key = f"gradient/encoder/main/{name}"
        assert rounded[key] == pytest.approx(exact[key], rel=2e-2), key
