"""Phantoms as a data set: nothing to download, every case grown from its seed when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ramify.data.adapters.base import DataSet, unknown_case
from ramify.data.adapters.class_choice import classed_case
from ramify.data.adapters.class_settings import NO_CLASSES, ClassSettings, table_of_names
from ramify.data.adapters.form_settings import PhantomDatasetSettings
from ramify.data.class_maps import Fault, check_no_fault, masks_by_class, of_masks
from ramify.data.formats.channels import ONLY_CHANNEL
from ramify.data.raw_case import RawCase
from ramify.data.sources import CaseSources, provenance
from ramify.data.volume import Volume
from ramify.phantoms.phantom import HEPATIC, PORTAL, TUMOURS, grow_phantom
from ramify.tasks.class_table import ClassTable, Role


@dataclass(frozen=True)
class PhantomAdapter:
    """The cases `phantom_000`, `phantom_001`, ...; a case's number is its seed less the first seed.

    The same settings give the same bytes, on any day and in any order.
    """

    settings: PhantomDatasetSettings
    classes: ClassSettings = NO_CLASSES

    def case_ids(self) -> list[str]:
        """Ids of all cases, in the order of their seeds."""
        digits = max(3, len(str(self.settings.cases - 1)))
        return [f"phantom_{number:0{digits}d}" for number in range(self.settings.cases)]

    def sources(self, case_id: str) -> CaseSources:
        """What a case is grown from: no file; raises ValueError for an id the data set lacks."""
        shaping = self.settings.model_dump(mode="json", exclude={"cases", "first_seed"})
        self._seed(case_id)
        classes = {} if self._table is None else {"classes": self._table.model_dump(mode="json")}
        return CaseSources(None, (), {**shaping, **classes})

    def faults(self, case_id: str) -> tuple[Fault, ...]:
        """None: the trees of a phantom lie apart."""
        return ()

    def load(self, case_id: str) -> RawCase:
        """Grow one case; raises ValueError for an id the data set lacks or trees that find no room."""
        seed = self._seed(case_id)
        phantom = grow_phantom(self.settings, seed)
        # The trees count from the volume's corner, the world from there too: voxel 0 has its centre half a voxel in.
        origin_mm = tuple(0.5 * step for step in phantom.spacing_mm)
        image = Volume(phantom.image, phantom.spacing_mm, origin_mm)
        images, organ = {ONLY_CHANNEL: image}, image.with_array(phantom.organ)
        structures = {name: image.with_array(mask) for name, mask in phantom.structures.items()}
        origin = {**provenance("phantom", self.sources(case_id)), "seed": seed}
        if self._table is None:
            vessels = image.with_array(phantom.vessels)
            return RawCase(case_id, case_id, images, organ, vessels, structures, origin)
        labels = of_masks(masks_by_class(self._table, structures), image, self._table)
        check_no_fault(case_id, labels.faults)
        return replace(classed_case(case_id, images, labels, organ, self._table), provenance=origin)

    @cached_property
    def _table(self) -> ClassTable | None:
        if not self.classes.is_given:
            return None
        known: dict[str, Role] = {PORTAL: "vessel", HEPATIC: "vessel", TUMOURS: "context"}
        return table_of_names(self.classes, known, "phantoms")

    def _seed(self, case_id: str) -> int:
        cases = self.case_ids()
        if case_id not in cases:
            raise unknown_case(case_id, cases, Path("phantoms"))
        return self.settings.first_seed + cases.index(case_id)


PHANTOM = DataSet(
    "phantom",
    lambda reading, settings: PhantomAdapter(settings, reading.classes),
    in_files=False,
    has_channels=False,
)
