"""Perceptual loss: beside VGG-19 as modules, on random weights; classes, exact ends, what is refused."""

from pathlib import Path

import pytest
import torch
from torch import nn

from ramify.losses import Perceptual
from ramify.losses.perceptual import CONVOLUTIONS, perceptual_loss
from ramify.losses.term_settings import PerceptualSettings


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights under torchvision's names, with one that is not needed."""
    generator = torch.Generator().manual_seed(0)
    state = {"classifier.0.weight": torch.zeros(1)}
    for number, shape in CONVOLUTIONS.items():
        scale = (2.0 / (9 * shape[1])) ** 0.5
        state[f"features.{number}.weight"] = scale * torch.randn(*shape, 3, 3, generator=generator)
        state[f"features.{number}.bias"] = 0.1 * torch.randn(shape[0], generator=generator)
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(state, path)
    return path


def vgg(path: Path) -> nn.Sequential:
    """The features of VGG-19 up to conv3_4's ReLU, layer by layer as published."""
    layers: list[nn.Module] = []
    channels = 3
    for width in (64, 64, "pool", 128, 128, "pool", 256, 256, 256, 256):
        if isinstance(width, str):
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    network = nn.Sequential(*layers)
    state = torch.load(path, weights_only=True)
    network.load_state_dict({name[9:]: values for name, values in state.items() if name.startswith("features.")})
    return network.double()


def case(channels: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(2, channels, 9, 12, generator=generator, dtype=torch.float64)
    return probabilities, torch.rand(2, channels, 9, 12, generator=generator) < 0.4


def test_beside_the_network_as_modules(weights):
    probabilities, target = case()
    total, images = 0.0, [probabilities.expand(-1, 3, -1, -1), target.double().expand(-1, 3, -1, -1)]
    for number, layer in enumerate(vgg(weights)):
        images = [layer(image) for image in images]
        if number in (3, 8, 17):  # the ReLU after conv1_2, conv2_2 and conv3_4
            total += (images[0] - images[1]).square().mean().item()
    assert perceptual_loss(probabilities, target, weights=weights).item() == pytest.approx(total, rel=1e-9)
    assert perceptual_loss(probabilities, target, weights=str(weights)).item() == pytest.approx(total, rel=1e-9)


def test_classes_and_samples_are_averaged(weights):
    probabilities, target = case(3)
    each = [
        perceptual_loss(probabilities[b : b + 1, [c]], target[b : b + 1, [c]], weights=weights)
        for b in range(2)
        for c in range(3)
    ]
    whole = perceptual_loss(probabilities, target, weights=weights)
    assert whole.item() == pytest.approx(torch.stack(each).mean().item(), rel=1e-9)


def test_gradient(weights):
    probabilities, target = (values[:1, :, :4, :4] for values in case())

    def loss(values: torch.Tensor) -> torch.Tensor:
        return perceptual_loss(values, target, weights=weights)

    assert torch.autograd.gradcheck(loss, (probabilities.clone().requires_grad_(),))


def test_perfect_and_empty_are_exactly_zero(weights):
    _, target = case(2)
    target[0, 0], target[0, 1] = False, True
    probabilities = target.float().requires_grad_()
    loss = perceptual_loss(probabilities, target, weights=weights)
    loss.backward()
    assert loss.item() == 0.0
    assert not probabilities.grad.any()


def test_settings_are_the_keyword_arguments():
    assert dict(PerceptualSettings()) | {"mask": None} == perceptual_loss.__kwdefaults__


@pytest.mark.parametrize("shape", [(1, 1, 4, 4, 4), (1, 1, 3, 9), (1, 1, 9)])
def test_other_than_images_are_refused(weights, shape):
    with pytest.raises(ValueError, match="perceptual: VGG-19 sees 2D images"):
        perceptual_loss(torch.zeros(shape), torch.zeros(shape), weights=weights)


def test_weights_that_are_missing_or_wrong_are_refused(tmp_path):
    image = torch.zeros(1, 1, 4, 4)
    with pytest.raises(ValueError, match=r"perceptual: no weights; name a file of VGG-19's with perceptual\.weights"):
        perceptual_loss(image, image)
    with pytest.raises(OSError, match="absent"):
        perceptual_loss(image, image, weights=tmp_path / "absent.pth")
    other, text = tmp_path / "other.pth", tmp_path / "text.pth"
    torch.save({"features.0.weight": torch.zeros(64, 1, 3, 3)}, other)
    text.write_text("weights", encoding="utf-8")
    with pytest.raises(ValueError, match=r"other\.pth: expected the state dict of torchvision's vgg19"):
        perceptual_loss(image, image, weights=other)
    with pytest.raises(ValueError, match=r"text\.pth: no state dict that PyTorch can read"):
        perceptual_loss(image, image, weights=text)


def test_the_module_and_what_is_ignored(weights):
    probabilities, target = case(channels=2)
    loss = Perceptual(weights, 2.0, activation=None)
    assert torch.equal(loss(probabilities, target), 2.0 * perceptual_loss(probabilities, target, weights=weights))
    mask = torch.rand(2, 1, 9, 12, generator=torch.Generator().manual_seed(1)) < 0.7
    probabilities.requires_grad_()
    loss(probabilities, target, mask=mask).backward()
    assert probabilities.grad is not None
    everywhere = mask.expand_as(probabilities)
    assert not probabilities.grad[~everywhere].any()
    assert probabilities.grad[everywhere].any()
