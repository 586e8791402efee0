"""Which channels of a case are read: the files that hold them, under nnU-Net's layout, or those of one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ramify.data.archived_image import image_at
from ramify.data.class_maps import Fault
from ramify.data.dicom import read_series
from ramify.data.file_names import case_name, split_key, volume_files, with_key
from ramify.data.files import read_channels, read_image_or_series
from ramify.data.formats.channels import ALL, ONLY_CHANNEL, channel_names, is_number
from ramify.data.image_source import ImageSource, channel_ending, split_channel
from ramify.data.input_settings import ENDING, WHOLE_NAMES
from ramify.data.itk import stored_shape
from ramify.data.label_names import channels_beside
from ramify.data.volume import Volume, check_same_geometry

_ONE_GRID = "bring both onto one grid"


@dataclass(frozen=True)
class Channels:
    """What is read of a case's files.

    files: channels of nnU-Net's layout, in order; none: names are whole, whatever they end in.
    known: the channels that layout may have; none where that is not known.
    picked: channels of a file with several; none for files with one.
    names: what the network calls its channels; none where that is not known.
    key: which array of an HDF5 or NumPy file.
    described: whether the names are those of a dataset.json, which another one may give other numbers.
    """

    files: tuple[int, ...] = ()
    known: tuple[int, ...] = ()
    picked: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    key: str = ""
    described: bool = False

    def describe(self) -> dict[str, Any]:
        """As plain data, under the names of ImageSource; without what does not apply."""
        told: dict[str, Any] = {
            "channel_names": list(self.names),
            "files": list(self.files),
            "known_files": list(self.known),
            "picked": list(self.picked),
            "key": self.key,
        }
        return {name: value for name, value in told.items() if value}

    def name(self, number: int) -> str:
        """The channel of a file's number, as the network calls it, for errors."""
        place = self.files.index(number)
        named = self.names[place] if len(self.names) == len(self.files) else ""
        return f" ({named})" if named not in ("", ONLY_CHANNEL) else ""


@dataclass(frozen=True)
class InputCase:
    """One image to segment and what to call it.

    path: of its first channel, or of all. others: of further channels, in order. problem: why it cannot be segmented,
    in one line. notes: what was assumed of its name.
    """

    case_id: str
    path: Path
    problem: str = ""
    notes: tuple[str, ...] = ()
    others: tuple[Path, ...] = ()


ONE_CHANNEL = Channels()


def chosen_numbers(wanted: Sequence[str], names: Mapping[int, str], root: Path) -> tuple[int, ...]:
    """Numbers of the wanted channels by name (in any case) or number, in that order; all where none or all is said.

    Raises ValueError that names the data set: no such channel, one twice.
    """
    if not wanted or list(wanted) == [ALL]:
        return tuple(names)
    by_name = {name.casefold(): number for number, name in names.items()}
    numbers: list[int] = []
    for one in wanted:
        number = by_name.get(one.casefold(), int(one) if is_number(one) else -1)
        if number not in names:
            listed = ", ".join(f"{name} = {number}" for number, name in names.items())
            raise ValueError(f"{root}: has no channel {one!r}; choose with --channels ({listed}, or {ALL})")
        if number in numbers:
            raise ValueError(f"{root}: --channels has {names[number]} twice; name each channel once")
        numbers.append(number)
    return tuple(numbers)


def choose_channels(source: ImageSource, option: Sequence[str]) -> Channels:
    """The channels that a network was trained on, or those of --channels; ValueError where the two differ."""
    described = source.form in ("nnunet", "msd")
    trained = Channels(source.files, source.known_files, source.picked, source.channel_names, source.key, described)
    if not option:
        return trained
    if list(option) == [WHOLE_NAMES]:
        return Channels(names=trained.names, key=trained.key)
    if all(map(ENDING.fullmatch, option)):
        files = tuple(int(one[1:]) for one in option)
        if trained.files not in ((), files):
            raise _other_channels(option, [channel_ending(number) for number in trained.files])
        return Channels(files, (), trained.picked, trained.names, trained.key)
    if trained.picked not in ((), tuple(option)):
        raise _other_channels(option, trained.picked)
    told = trained.names or tuple(map(channel_ending, trained.files))
    if len(told) > 1 and not trained.picked:
        # Each was a file of its own: to pick others, or in another order, would be another input in silence.
        same = [told, tuple(map(str, trained.files or range(len(told)))), (ALL,)]
        if tuple(one.casefold() for one in option) not in [tuple(one.casefold() for one in way) for way in same]:
            raise _other_channels(option, told)
        return trained
    return Channels(trained.files, trained.known, tuple(option), trained.names, trained.key)


def _other_channels(option: Sequence[str], trained: Sequence[str]) -> ValueError:
    several = "s" * (len(trained) > 1)
    return ValueError(
        f"--channels {' '.join(option)}: the network was trained on channel{several} {' '.join(trained)}; leave "
        "--channels out"
    )


def cases_of_files(files: Sequence[Path], channels: Channels) -> list[InputCase]:
    """A case for each file, or under nnU-Net's layout for each name without its channel, in the files' order.

    Raises ValueError for a number that is no channel of the training's data set: it may be part of the name.
    """
    if not channels.files:
        return [InputCase(case_name(file), file) for file in files]
    parts: dict[str, dict[int | None, list[Path]]] = {}
    for file in files:
        case_id, number = split_channel(case_name(file))
        if channels.known and number is not None and number not in channels.known:
            raise ValueError(
                f"{file}: ends in {channel_ending(number)}, but the network's data set had the channels "
                f"{', '.join(map(channel_ending, channels.known))} alone; say --channels {WHOLE_NAMES} if the number "
                f"is part of the name, --channels {' '.join(map(channel_ending, channels.files))} if it is another "
                "channel"
            )
        parts.setdefault(case_id, {}).setdefault(number, []).append(file)
    of_case = _of_one_channel if len(channels.files) == 1 else _of_several
    return [case for case_id, found in parts.items() for case in of_case(case_id, found, channels)]


def beside(file: Path, channels: Channels) -> list[Path]:
    """The file, and those beside it with the other channels of its case, where there is more than one."""
    case_id, number = split_channel(case_name(file))
    if len(channels.files) < 2 or number is None:
        return [file]
    return [one for one in volume_files(file.parent) if split_channel(case_name(one))[0] == case_id]


def _of_one_channel(case_id: str, files: dict[int | None, list[Path]], channels: Channels) -> list[InputCase]:
    """The file of the channel; more than one where several claim to be it."""
    (wanted,) = channels.files
    ending = channel_ending(wanted)
    others = [path for number, paths in files.items() if number not in (None, wanted) for path in paths]
    named, unnamed = files.get(wanted, []), files.get(None, [])
    if not named and not unnamed:
        missing = f"no file {case_id}{ending} beside it, the channel that the network was trained on; add it"
        return [InputCase(case_id, others[0], problem=f"{others[0]}: {missing}")]
    notes = []
    if others and not channels.known:
        notes.append(f"{', '.join(path.name for path in others)} not looked at: another channel than {ending}")
    cases = [InputCase(case_id, path, notes=tuple(notes)) for path in named]
    if wanted or len(channels.known) > 1:
        notes.append(f"its name says no channel: taken for {ending}, on which the network was trained")
    return cases + [InputCase(case_id, path, notes=tuple(notes)) for path in unnamed]


def _of_several(case_id: str, files: dict[int | None, list[Path]], channels: Channels) -> list[InputCase]:
    """The files of all channels as one case, and each file without a number as one that holds all of them."""
    whole = [InputCase(case_id, path) for path in files.get(None, [])]
    numbered = {number: paths for number, paths in files.items() if number is not None}
    if not numbered:
        return whole
    first = next(iter(numbered.values()))[0]
    for number in channels.files:
        if number not in numbered:
            missing = f"no file {case_id}{channel_ending(number)} beside it, a channel{channels.name(number)} that the "
            return [*whole, InputCase(case_id, first, problem=f"{first}: {missing}network was trained on; add it")]
        if len(numbered[number]) > 1:
            one, other = numbered[number][:2]
            return [*whole, InputCase(case_id, one, problem=f"{one}: {other.name} is of the same channel; keep one")]
    path, *others = [numbered[number][0] for number in channels.files]
    return [*whole, InputCase(case_id, path, others=tuple(others))]


def hint_of_names(cases: Sequence[InputCase]) -> str:
    """What to say of names that could be nnU-Net's, where nothing tells that they are; empty for others."""
    numbers = [split_channel(case.case_id)[1] for case in cases]
    if None in numbers or 0 not in numbers:
        return ""
    return (
        f"names that end in four digits are kept whole, such as {cases[0].case_id}; if those are the channels of "
        "nnU-Net's layout, give --channels _0000, and the others behind it"
    )


def read_case(
    case: InputCase, channels: Channels, spacing_mm: Sequence[float] | None = None, series: str | None = None
) -> dict[str, Volume]:
    """The channels of a case by name, in the network's order; raises as their readers.

    Also ValueError that names channels: other ones than the network was trained on, of different geometry, and grey
    where colour is meant. spacing_mm: (z, y, x) in place of the files'. series: as in `read_series`.
    """
    _check_order(case, channels)
    return read_images((case.path, *case.others), channels, spacing_mm, series)


def read_images(
    paths: Sequence[Path], channels: Channels, spacing_mm: Sequence[float] | None = None, series: str | None = None
) -> dict[str, Volume]:
    """The channels in a file, or a channel in each of several, by name and on the grid of the first.

    Raises as their readers, and ValueError that names channels: other ones than the names say, of different geometry.
    spacing_mm: (z, y, x) in place of the files'.
    """
    if len(paths) == 1:
        return _read_one(paths[0], channels, spacing_mm, series)
    names = channels.names if len(channels.names) == len(paths) else channel_names(len(paths))
    volumes = {name: read_image_or_series(path, spacing_mm) for name, path in zip(names, paths, strict=True)}
    for name, path in zip(names[1:], paths[1:], strict=True):
        first = f"channel {names[0]} ({paths[0].name})"
        check_same_geometry(volumes[names[0]], volumes[name], first, f"{path}, channel {name},", _ONE_GRID)
    return volumes


def faults_of_channels(paths: Sequence[Path], channels: Channels) -> tuple[Fault, ...]:
    """Channels of a case in files of their own, whose headers have other sizes than the first one's."""
    if len(paths) < 2:
        return ()
    names = channels.names if len(channels.names) == len(paths) else channel_names(len(paths))
    first, *others = (stored_shape(path) for path in paths)
    return tuple(
        Fault(f"channel {name} has another size than channel {names[0]}", 0, _ONE_GRID)
        for name, shape in zip(names[1:], others, strict=True)
        if None not in (first, shape) and shape != first
    )


def _read_one(
    path: Path, channels: Channels, spacing_mm: Sequence[float] | None, series: str | None
) -> dict[str, Volume]:
    with image_at(path) as place:
        if place.is_dir():
            found = {ONLY_CHANNEL: read_series(place, spacing_mm=spacing_mm, series=series)}
        else:
            keyed = place if split_key(place)[1] else with_key(place, channels.key)
            wanted = channels.picked or ((ALL,) if len(channels.names) > 1 or len(channels.files) > 1 else ())
            found = read_channels(keyed, wanted, spacing_mm)
    names = channels.names or tuple(found)
    if len(found) != len(names):
        raise ValueError(
            f"{path}: has {len(found)} channel{'s' * (len(found) > 1)} ({', '.join(found)}) where {len(names)} are "
            f"expected ({', '.join(names)}); give it those, in this order"
        )
    return dict(zip(names, found.values(), strict=True))


def _check_order(case: InputCase, channels: Channels) -> None:
    """Raise ValueError where a dataset.json beside the images calls its channels otherwise than the training's did."""
    numbers = channels.files or tuple(int(one) for one in channels.picked if one.isdigit())
    if not channels.described or len(channels.names) != len(numbers) or case.path.is_dir():
        return
    there = channels_beside(case.path)
    for number, name in zip(numbers, channels.names, strict=True):
        if number < len(there) and there[number] != name and name != ONLY_CHANNEL:
            raise ValueError(
                f"{case.path}: the dataset.json beside it calls channel {number} {there[number]}, where the network "
                f"was trained on {name}; bring the channels into the training's order"
            )
