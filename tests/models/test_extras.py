"""Packages of some networks: missing or broken is one line that names the remedy."""

from types import ModuleType

import pytest
import torch

from ramify.models import ModelSettings, build_network
from ramify.models.extras import EXTRAS, import_extra, install_command


@pytest.fixture
def without(monkeypatch):
    """Make a package fail to import, as if it were missing or broken."""

    def hide(package: str, error: Exception) -> None:
        def import_module(name: str) -> ModuleType:
            assert name.partition(".")[0] == package
            raise error

        monkeypatch.setattr("ramify.models.extras.importlib.import_module", import_module)

    return hide


@pytest.mark.parametrize(("network", "package"), [("nnunet_plain", "dynamic_network_architectures"), ("hrnet", "timm")])
def test_a_missing_package(network, package, without):
    without(package, ModuleNotFoundError(f"No module named {package!r}", name=package))
    with pytest.raises(
        ValueError, match=f"network {network}: needs a package that is not installed; pip install"
    ) as caught:
        build_network(ModelSettings(network=network), 1, 2, 2)
    assert EXTRAS[package] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_package_that_misses_another(without):
    without("timm", ModuleNotFoundError("No module named 'torchvision'", name="torchvision"))
    with pytest.raises(
        ValueError, match="network hrnet: needs torchvision, which timm needs and is not installed; pip install"
    ):
        import_extra("timm", "hrnet")


def test_a_package_for_another_torch(without):
    without("timm", RuntimeError("operator torchvision::nms does not exist\nmore"))
    with pytest.raises(ValueError, match="installed but cannot be imported") as caught:
        import_extra("timm", "hrnet")
    assert "(RuntimeError: operator torchvision::nms does not exist)" in str(caught.value)
    assert torch.__version__ in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("version", "command"),
    [
        ("2.13.0", "pip install timm==1.0.22 torch==2.13.0"),
        (
            "2.13.0+cpu",
            "pip install timm==1.0.22 torch==2.13.0+cpu --extra-index-url https://download.pytorch.org/whl/cpu",
        ),
    ],
)
def test_torch_stays_the_one_that_is_here(version, command, monkeypatch):
    monkeypatch.setattr(torch, "__version__", version)
    assert install_command("timm") == command
    assert "torch" not in install_command("dynamic_network_architectures")
