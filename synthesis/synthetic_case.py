"""From a seed to a prepared case that holds, beside what every case has, the tissues that its image was painted of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ramify.appearance.appearance import draw_appearance, paint
from ramify.appearance.settings import AppearanceSettings
from ramify.console.error_line import line_of
from ramify.data.case_store import CASE_FILE, write_case
from ramify.data.formats.channels import ONLY_CHANNEL
from ramify.data.painted_windows import SHARES, TISSUES, WINDOW
from ramify.data.raw_case import RawCase
from ramify.data.store_writers import writing
from ramify.data.volume import Volume
from ramify.phantoms.anatomy import grow_anatomy
from ramify.phantoms.anatomy_settings import AnatomySettings
from ramify.preprocessing.grid import Grid
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import PreprocessingSettings

_IMAGE = 1
"""Stream of the seed for the image; the anatomy has others."""


def synthetic_case(
    case_id: str,
    seed: int,
    anatomy_settings: AnatomySettings,
    appearance_settings: AppearanceSettings,
    settings: PreprocessingSettings,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the record of a case, as `preprocessing.prepare_case` gives them, with `tissues`, `shares` and
    what they are painted by (`data.painted_windows`); the same arguments give the same bytes.

    Raises:
        ValueError: trees that find no room, or settings that leave nothing to prepare.
    """
    anatomy = grow_anatomy(anatomy_settings, seed)
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_IMAGE,)))
    appearance = draw_appearance(appearance_settings, random)
    shares = (anatomy.shares / 255).astype(np.float32)
    hu = paint(appearance, anatomy.tissues, shares, anatomy.spacing_mm, random)
    image = Volume(hu, anatomy.spacing_mm, tuple(0.5 * step for step in anatomy.spacing_mm))
    vessels = np.logical_or.reduce(list(anatomy.vessels.values()))
    structures = {name: image.with_array(mask) for name, mask in anatomy.vessels.items()}
    origin = {"adapter": "anatomy", "seed": seed, "anatomy": anatomy_settings.model_dump(mode="json")}
    organ, drawn = image.with_array(anatomy.organ), image.with_array(vessels)
    raw = RawCase(case_id, case_id, {ONLY_CHANNEL: image}, organ, drawn, structures, origin)
    arrays, record = prepare_case(raw, settings)
    grid = Grid.from_dict(record["grid"])
    arrays[TISSUES] = np.ascontiguousarray(grid.turned(anatomy.tissues)[grid.crop_box])
    arrays[SHARES] = np.stack([grid.turned(share)[grid.crop_box] for share in anatomy.shares])
    record[WINDOW] = list(settings.intensity.window)
    return arrays, record


@dataclass(frozen=True)
class SynthesisReport:
    """What became of a case. found: it was there already. error: why it could not be made, in one line."""

    case_id: str
    found: bool = False
    error: str | None = None


@dataclass(frozen=True)
class SynthesisWork:
    """Everything a process needs to make a case, by its id, of a store."""

    store: Path
    seeds: dict[str, int]
    anatomy: AnatomySettings
    appearance: AppearanceSettings
    preprocessing: PreprocessingSettings

    def __call__(self, case_id: str) -> SynthesisReport:
        """Make a case that is not there yet."""
        if (self.store / case_id / CASE_FILE).is_file():
            return SynthesisReport(case_id, found=True)
        try:
            made = synthetic_case(case_id, self.seeds[case_id], self.anatomy, self.appearance, self.preprocessing)
            with writing(self.store):
                write_case(self.store, case_id, *made)
        except (ValueError, OSError, MemoryError) as error:
            return SynthesisReport(case_id, error=f"case {case_id}: {line_of(error)}")
        return SynthesisReport(case_id)


def lost(case_id: str, how: str) -> SynthesisReport:
    """The report of a case whose process died."""
    return SynthesisReport(case_id, error=f"case {case_id}: {how}")
