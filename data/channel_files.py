"""Which channel of a case is read: the file that holds it, under nnU-Net's layout, or the colour of a picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ramify.data.file_names import case_name
from ramify.data.files import read_image_or_series, read_volume
from ramify.data.formats.colour import CHANNELS, check_channel
from ramify.data.image_source import ImageSource, channel_ending, split_channel
from ramify.data.volume import Volume

_ENDING = re.compile(r"_(\d{4})")
WHOLE_NAMES = "none"
"""As --channel: no number is a channel, and the file's own numbers are what the network knows."""


@dataclass(frozen=True)
class Channels:
    """What is read of a case's files.

    file: channel of nnU-Net's layout, or None: names are whole, whatever they end in.
    known: the channels that layout may have; none where that is not known.
    colour: channel of pictures in colour, or None.
    """

    file: int | None = None
    known: tuple[int, ...] = ()
    colour: str | None = None


@dataclass(frozen=True)
class InputCase:
    """One image to segment and what to call it.

    problem: why it cannot be segmented, in one line. notes: what was assumed of its name.
    """

    case_id: str
    path: Path
    problem: str = ""
    notes: tuple[str, ...] = ()


def check_option(channel: str) -> str:
    """The value of --channel, if it is one: empty, none, _0001, or a channel of colour. Raises ValueError."""
    if channel in ("", WHOLE_NAMES) or _ENDING.fullmatch(channel):
        return channel
    try:
        return check_channel(channel)
    except ValueError:
        raise ValueError(
            f"expected {', '.join(CHANNELS)} or a number for pictures in colour, _0000 (or another) for the files of "
            f"nnU-Net's layout, or {WHOLE_NAMES}; got {channel!r}"
        ) from None


def choose_channels(source: ImageSource, option: str) -> Channels:
    """The channels that a network was trained on, or those of --channel; ValueError where the two differ."""
    trained = Channels(source.channel, source.channels, source.colour)
    if not option:
        return trained
    if option == WHOLE_NAMES:
        return Channels()
    if ending := _ENDING.fullmatch(option):
        number = int(ending[1])
        if trained.file not in (None, number):
            raise _other_channel(option, channel_ending(trained.file or 0))
        return Channels(number, (), trained.colour)
    if trained.colour not in (None, option):
        raise _other_channel(option, trained.colour or "")
    return Channels(trained.file, trained.known, option)


def _other_channel(option: str, trained: str) -> ValueError:
    return ValueError(f"--channel {option}: the network was trained on channel {trained}; leave --channel out")


def cases_of_files(files: Sequence[Path], channels: Channels) -> list[InputCase]:
    """A case for each file, or under nnU-Net's layout for each name without its channel, in the files' order.

    Raises ValueError for a number that is no channel of the training's data set: it may be part of the name.
    """
    if channels.file is None:
        return [InputCase(case_name(file), file) for file in files]
    ending = channel_ending(channels.file)
    parts: dict[str, dict[int | None, list[Path]]] = {}
    for file in files:
        case_id, number = split_channel(case_name(file))
        if channels.known and number is not None and number not in channels.known:
            raise ValueError(
                f"{file}: ends in {channel_ending(number)}, but the network's data set had the channels "
                f"{', '.join(map(channel_ending, channels.known))} alone; say --channel {WHOLE_NAMES} if the number is "
                f"part of the name, --channel {ending} if it is another channel"
            )
        parts.setdefault(case_id, {}).setdefault(number, []).append(file)
    return [case for case_id, of_case in parts.items() for case in _of_case(case_id, of_case, channels)]


def _of_case(case_id: str, files: dict[int | None, list[Path]], channels: Channels) -> list[InputCase]:
    """The file of the channel; more than one where several claim to be it."""
    ending = channel_ending(channels.file or 0)
    others = [path for number, paths in files.items() if number not in (None, channels.file) for path in paths]
    named, unnamed = files.get(channels.file, []), files.get(None, [])
    if not named and not unnamed:
        missing = f"no file {case_id}{ending} beside it, the channel that the network was trained on; add it"
        return [InputCase(case_id, others[0], problem=f"{others[0]}: {missing}")]
    notes = []
    if others and not channels.known:
        notes.append(f"{', '.join(path.name for path in others)} not looked at: another channel than {ending}")
    cases = [InputCase(case_id, path, notes=tuple(notes)) for path in named]
    if channels.file or len(channels.known) > 1:
        notes.append(f"its name says no channel: taken for {ending}, on which the network was trained")
    return cases + [InputCase(case_id, path, notes=tuple(notes)) for path in unnamed]


def hint_of_names(cases: Sequence[InputCase]) -> str:
    """What to say of names that could be nnU-Net's, where nothing tells that they are; empty for others."""
    numbers = [split_channel(case.case_id)[1] for case in cases]
    if None in numbers or 0 not in numbers:
        return ""
    return (
        f"names that end in four digits are kept whole, such as {cases[0].case_id}; if those are the channels of "
        "nnU-Net's layout, give --channel _0000"
    )


def read_channel(path: Path, channels: Channels, spacing_mm: Sequence[float] | None = None) -> Volume:
    """The image in a file or DICOM folder; raises as its reader, and ValueError for grey where colour is meant.

    spacing_mm: (z, y, x) in place of the file's.
    """
    if channels.colour is None:
        return read_image_or_series(path, spacing_mm=spacing_mm)
    remedy = f"give --channel {WHOLE_NAMES} if it holds that channel alone"
    return read_colour(path, channels.colour, remedy, spacing_mm)


def read_colour(path: Path, colour: str, remedy: str, spacing_mm: Sequence[float] | None = None) -> Volume:
    """One channel of a picture in colour; raises as `data.files.read_volume`, and ValueError for one in grey.

    remedy: what to do with a file that is not in colour, for the error.
    """
    if path.is_dir() or _is_grey(path):
        raise ValueError(f"{path}: not in colour, where channel {colour} is meant; {remedy}")
    return read_volume(path, spacing_mm, colour)


def _is_grey(path: Path) -> bool:
    try:
        read_volume(path)
    except ValueError:
        # In colour; or damaged, which reading it says.
        return False
    return True
