"""The wheel of this checkout, and a site-packages that holds it."""

from pathlib import Path

import pytest

from tests.packaging.building import ROOT, build, install


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with Ramify in it and nothing else; for PYTHONPATH."""
    folder = tmp_path_factory.mktemp("site")
    install(wheel, folder)
    return folder
