"""A prepared case, made here, with its record or an array damaged, and the check of every byte of it."""

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ramify.data.case_store import CASE_FILE, check_case, write_case
from ramify.preprocessing.settings import PreprocessingSettings
from tests.fuzzing.reader import Reader

IMAGE = "image.npy"


def _write_store(store: Path) -> Path:
    """One case of 8^3 voxels and two scales."""
    scales = np.zeros((8, 8, 8), np.uint8)
    scales[2:3, 2, :], scales[:, 4:6, 4:6] = 1, 2
    image = np.random.default_rng(0).normal(size=scales.shape).astype(np.float32)
    arrays: dict[str, Any] = {
        "image": image[None],
        "scales": scales,
        "organ": np.ones_like(scales),
        "tubed_skeleton": scales // 2,
    }
    record: dict[str, Any] = {
        "patient_id": "p",
        "shape": [8, 8, 8],
        "spacing_mm": [2.0, 1.0, 1.0],
        "scales": {"thresholds_mm": [1.5]},
        "settings": PreprocessingSettings().model_dump(mode="json"),
    }
    store.mkdir(parents=True, exist_ok=True)
    write_case(store, "case", arrays, record)
    return store


@functools.cache
def _part(name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return (_write_store(Path(folder)) / "case" / name).read_bytes()


def _read_case(path: Path) -> None:
    """A store with the damaged file in place of its own."""
    store = path.parent / "store"
    if not store.exists():
        _write_store(store)
    kept = store / "case" / path.name
    try:
        kept.write_bytes(path.read_bytes())
        check_case(store, "case")
    finally:
        kept.write_bytes(_part(path.name))


READERS = [
    Reader("case record", CASE_FILE, lambda: [_part(CASE_FILE)], _read_case),
    Reader("case array", IMAGE, lambda: [_part(IMAGE)], _read_case),
]
