"""Checkpoints: written whole or not at all, and read without running anything they hold."""

import io
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any, Literal

import torch

from data.whole_files import write_whole

CheckpointName = Literal["latest", "best", "final"]
FORMAT = 2
"""Raised whenever an older checkpoint would be read as something else: since 2, all patients lie in one layout."""
_REQUIRED = ("format", "config", "preprocessing", "network", "model", "epoch")


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint whole: a kill at any moment leaves the old one or the new one.

    Raises:
        OSError: the disk is full or the folder cannot be written; an earlier checkpoint stays as it was.
    """
    # Through memory, since torch's own writer hides the system's reason when a disk is full.
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **state}, buffer)
    write_whole(path, buffer.getbuffer())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain data are accepted, so a file from elsewhere cannot run code.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a checkpoint of ours, damaged, or a pickle that holds more than data.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such checkpoint")
    try:
        with warnings.catch_warnings():
            # torch warns of an unusual pickle before it refuses it; the refusal says enough.
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError(
            f"{path}: refused, it holds more than tensors and plain data and could run code; "
            "use a checkpoint written by train.py"
        ) from None
    except (RuntimeError, EOFError, zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a readable checkpoint ({_first_line(error)})") from None
    if not isinstance(state, dict) or any(key not in state for key in _REQUIRED):
        raise ValueError(f"{path}: not a checkpoint of train.py (expected the keys {', '.join(_REQUIRED)})")
    if state["format"] != FORMAT:
        raise ValueError(
            f"{path}: checkpoint format {state['format']}, this version reads format {FORMAT}; train again"
        )
    return state


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
