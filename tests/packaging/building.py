"""Wheels and sdists of the checkout, built with the hatchling that is installed here; nothing is downloaded."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[2]


def build(source: Path, form: Literal["wheel", "sdist"], folder: Path) -> Path:
    """Build a source tree into a folder; the file."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", form, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = folder.glob("*.whl" if form == "wheel" else "*.tar.gz")
    return built


def unpacked(sdist: Path, folder: Path) -> Path:
    """The source tree in an sdist."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    return tree


def contents(wheel: Path) -> dict[str, bytes]:
    """Every file in a wheel by its name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def install(wheel: Path, site: Path) -> None:
    """Lay a wheel out as pip does in site-packages; without the command."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
