"""Phantoms as a data set: nothing to download, every case grown from its seed when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from ramify.data.adapters.base import DataSet, unknown_case
from ramify.data.raw_case import ONLY_CHANNEL, RawCase
from ramify.data.sources import CaseSources, provenance
from ramify.data.volume import Volume
from ramify.phantoms.phantom import PhantomSettings, grow_phantom


class PhantomDatasetSettings(PhantomSettings, frozen=True, extra="forbid"):
    """A data set of phantoms: what each of them is, how many, and their seeds."""

    cases: int = Field(default=12, ge=1, le=100_000)
    """How many."""
    first_seed: int = Field(default=0, ge=0)
    """Seed of the first; each following case takes the next."""


@dataclass(frozen=True)
class PhantomAdapter:
    """The cases `phantom_000`, `phantom_001`, ...; a case's number is its seed less the first seed.

    The same settings give the same bytes, on any day and in any order.
    """

    settings: PhantomDatasetSettings

    def case_ids(self) -> list[str]:
        """Ids of all cases, in the order of their seeds."""
        digits = max(3, len(str(self.settings.cases - 1)))
        return [f"phantom_{number:0{digits}d}" for number in range(self.settings.cases)]

    def sources(self, case_id: str) -> CaseSources:
        """What a case is grown from: no file; raises ValueError for an id the data set lacks."""
        shaping = self.settings.model_dump(mode="json", exclude={"cases", "first_seed"})
        self._seed(case_id)
        return CaseSources(None, (), shaping)

    def load(self, case_id: str) -> RawCase:
        """Grow one case; raises ValueError for an id the data set lacks or trees that find no room."""
        seed = self._seed(case_id)
        phantom = grow_phantom(self.settings, seed)
        # The trees count from the volume's corner, the world from there too: voxel 0 has its centre half a voxel in.
        origin_mm = tuple(0.5 * step for step in phantom.spacing_mm)
        image = Volume(phantom.image, phantom.spacing_mm, origin_mm)
        return RawCase(
            case_id=case_id,
            patient_id=case_id,
            images={ONLY_CHANNEL: image},
            organ=image.with_array(phantom.organ),
            vessels=image.with_array(phantom.vessels),
            structures={name: image.with_array(mask) for name, mask in phantom.structures.items()},
            provenance={**provenance("phantom", self.sources(case_id)), "seed": seed},
        )

    def _seed(self, case_id: str) -> int:
        cases = self.case_ids()
        if case_id not in cases:
            raise unknown_case(case_id, cases, Path("phantoms"))
        return self.settings.first_seed + cases.index(case_id)


PHANTOM = DataSet(
    "phantom",
    "Phantoms.",
    PhantomDatasetSettings,
    lambda reading, settings: PhantomAdapter(settings),
    in_files=False,
    in_colour=False,
)
