"""What every data set offers, whatever its folders look like, and what it says of itself."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ramify.data.adapters.class_settings import NO_CLASSES, ClassSettings
from ramify.data.class_maps import Fault
from ramify.data.raw_case import RawCase
from ramify.data.sources import CaseSources


class Adapter(Protocol):
    """A data set: which cases it has, and each of them as image, organ, vessels and structures on one grid."""

    def case_ids(self) -> list[str]:
        """Ids of all cases, in a fixed order: those of which a file is missing, too, which `load` says.

        Raises ValueError or OSError where the root is no data set of this form.
        """
        ...

    def sources(self, case_id: str) -> CaseSources:
        """What the case is made from, found without reading it; raises ValueError or OSError as `load`."""
        ...

    def faults(self, case_id: str) -> Sequence[Fault]:
        """What does not fit in a case, found before it is prepared: in the labels, where there are classes, without a
        look at its image; channels in files of other sizes, by their headers.

        Raises ValueError or OSError that names the file at fault.
        """
        ...

    def load(self, case_id: str) -> RawCase:
        """Read one case; raises ValueError or OSError that names the file at fault."""
        ...


@dataclass(frozen=True)
class Reading:
    """How a data set is read, whatever its form.

    root: folder of the data set; that of one without files is nowhere.
    resample_masks: bring masks that lie elsewhere than their image onto it; otherwise that is an error.
    channels: which channels of the images; none takes what the form does.
    classes: the classes that are told apart.
    """

    root: Path
    resample_masks: bool = False
    channels: tuple[str, ...] = ()
    classes: ClassSettings = NO_CLASSES


@dataclass(frozen=True)
class DataSet:
    """A form of data set: what the table of data sets holds."""

    name: str
    """As the setting `dataset` has it, and the section of its own settings."""
    open: Callable[[Reading, Any], Adapter]
    """The adapter, from how it is read and its own settings; what the root holds is looked at later."""
    in_files: bool = True
    """Whether it lies in a folder, so that a root is needed."""
    has_channels: bool = True
    """Whether its images may have several channels to choose from."""


def check_root(root: Path, layout: str) -> None:
    """Raise FileNotFoundError that tells the expected layout unless there is such a folder (or file)."""
    if not root.exists():
        raise FileNotFoundError(f"{root}: no such folder; --root names the folder with {layout}")


def unknown_case(case_id: str, cases: Sequence[str], root: Path) -> ValueError:
    """The error for a case the data set lacks, with the name it may have been meant for."""
    near = difflib.get_close_matches(case_id, cases, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(cases[:5])}{', ...' if len(cases) > 5 else ''}"
    return ValueError(f"{root}: holds no case {case_id}; {hint}")
