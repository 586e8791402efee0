"""What tests of a study share."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from ramify.tuning.settings import StudySettings


@pytest.fixture(autouse=True, scope="session")
def _sqlite_does_not_wait_for_the_disk() -> Iterator[None]:
    """A study here need not survive a power cut, and fifty databases are made."""

    def hurry(connection: Any, _: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", hurry)
    yield
    event.remove(Engine, "connect", hurry)


@pytest.fixture
def settings_of(tiny_cases: Path, tmp_path: Path) -> Callable[..., StudySettings]:
    """Settings of a tiny study; keyword arguments change some."""

    def make(**changes: Any) -> StudySettings:
        given = {
            "cases": tiny_cases,
            "output": tmp_path / "studies",
            "space": tmp_path / "space.yaml",
            "study": "tiny",
            "trials": 3,
            "folds": 2,
            "device": "cpu",
            "heartbeat_seconds": 1,
            "model": {"levels": 1, "base_channels": 1, "contrast": {"head": "per_scale"}},
            "loading": {"batch_size": 1},
            "loss": {"lambda_scales": [1.0], "anchors": {"cap": 8}},
            "train": {"epochs": 3, "augment": False},
            "validation": {"every": 1, "figures_every": 100},
        }
        return StudySettings.model_validate(given | changes)

    return make
