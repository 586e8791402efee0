"""Checkpoints: written whole or not at all; read whole, checked, and without running anything they hold."""

import io
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch

from ramify.console.error_line import line_of
from ramify.disk.atomic_files import write_whole
from ramify.training.checkpoint_content import check_training_parts, checked_content
from ramify.training.checkpoint_record import Checkpoint

FORMAT = 4
"""Raised whenever an older checkpoint would be read as something else. Since 2, all patients lie in one layout; since
3, scales have another meaning, and the heads of a contrast are a choice."""
_END_OF_ZIP, _END_BYTES, _MANY = b"PK\x05\x06", 22, 0xFFFF
_REMEDY = "copy it again from where it was trained, or use another checkpoint of that training"


def save_checkpoint(path: Path, state: Mapping[str, object]) -> None:
    """Write a checkpoint whole: a kill at any moment leaves the old one or the new one.

    state: a `Checkpoint`.

    Raises:
        OSError: the disk is full or the folder cannot be written; an earlier checkpoint stays as it was.
    """
    # Through memory, since torch's own writer hides the system's reason when a disk is full.
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **state}, buffer)
    write_whole(path, buffer.getbuffer())


def load_checkpoint(path: Path | str, *, to_resume: bool = False) -> Checkpoint:
    """Read a checkpoint, checked before anything is built from it.

    The checksum of every part is compared, only tensors and plain data are accepted (so a file from elsewhere cannot
    run code), every key that prediction needs has its type and range, and no weight is NaN or infinite. What a training
    needs besides (optimiser, random state, history) is checked where it is there, and must be with `to_resume`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a checkpoint of ours, damaged, or a pickle that holds more than data; one line.
        MemoryError: larger than the memory that is free.

    Examples:
        >>> from ramify.training import find_checkpoint, load_checkpoint
        >>> checkpoint = load_checkpoint(find_checkpoint(run, "final"))
        >>> checkpoint["epoch"], sorted(checkpoint)[:3]
        (1, ['bank', 'best', 'case_scores'])
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such checkpoint")
    try:
        # One open file for both looks: a training may put a newer one in its place meanwhile.
        with path.open("rb") as stream:
            _check_whole(stream)
            stream.seek(0)
            content = _unpickled(stream)
        _check_form(content)
        state = checked_content(content)
        if to_resume:
            check_training_parts(state)
    except ValueError as error:
        raise ValueError(f"{path}: {line_of(error)}") from None
    return state


def _check_whole(stream: IO[bytes]) -> None:
    """Compare every checksum: torch itself reads past damage."""
    start = stream.read(4)
    if start[:1] == b"\x80":
        raise ValueError(
            "refused, a bare pickle or a checkpoint in torch's form before 1.6, which has no checksums; "
            "use one written by train.py"
        )
    if start != b"PK\x03\x04":
        raise ValueError(
            "not a readable checkpoint (no zip archive, as torch writes them); use one written by train.py"
        )
    stream.seek(max(0, stream.seek(0, io.SEEK_END) - _END_BYTES))
    end = stream.read()
    if end[:4] != _END_OF_ZIP or end[-2:] != b"\0\0":
        raise ValueError(f"not a readable checkpoint (cut short, or something follows its end); {_REMEDY}")
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            count = int.from_bytes(end[10:12], "little")
            if count != _MANY and count != len(members):
                raise ValueError(f"damaged: {count} parts announced, {len(members)} there; {_REMEDY}")
            if len({member.filename for member in members}) != len(members):
                raise ValueError("holds two parts of one name, which torch never writes; use one written by train.py")
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("holds compressed parts, which torch never writes; use one written by train.py")
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        # A damaged directory may point outside the file, which the system refuses.
        raise ValueError(f"not a readable checkpoint ({_first_line(error)}); {_REMEDY}") from None
    if damaged:
        raise ValueError(f"damaged: the checksum of its part {damaged} is wrong; {_REMEDY}")


def _unpickled(stream: IO[bytes]) -> Any:
    try:
        with warnings.catch_warnings():
            # torch warns of an unusual pickle before it refuses it; the refusal says enough.
            warnings.simplefilter("ignore")
            return torch.load(stream, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError(
            "refused, it holds more than tensors and plain data and could run code; use one written by train.py"
        ) from None
    except MemoryError:
        raise
    except Exception as error:
        # A pickle that was made to confuse its reader ends in any error there is.
        raise ValueError(f"not a readable checkpoint ({_first_line(error)}); {_REMEDY}") from None


def _check_form(state: object) -> None:
    if not isinstance(state, dict) or "format" not in state:
        raise ValueError("not a checkpoint of train.py; give the .pt file of a training, or the folder of its run")
    if type(state["format"]) is not int or state["format"] != FORMAT:
        raise ValueError(f"checkpoint format {state['format']!r}, this version reads format {FORMAT}; train again")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
