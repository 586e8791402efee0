"""An adapter whose cases get their patient from their id."""

import dataclasses
import re
from collections.abc import Sequence

from ramify.data.adapters.base import Adapter
from ramify.data.class_maps import Fault
from ramify.data.raw_case import RawCase
from ramify.data.sources import CaseSources


def patient_in(pattern: str, case_id: str) -> str:
    """The patient of a case by its id: what the pattern's first group finds; without a pattern, the case itself.

    Raises ValueError for an id in which the pattern finds no patient.

    Examples:
        >>> from ramify.data.adapters.patient_names import patient_in
        >>> patient_in(r"(\\d+)_", "07_left"), patient_in("", "07_left")
        ('07', '07_left')
    """
    if not pattern:
        return case_id
    match = re.search(pattern, case_id)
    if match is None or not match[1]:
        raise ValueError(f"case {case_id}: patient_pattern {pattern!r} finds no patient in it; correct the pattern")
    return match[1]


@dataclasses.dataclass(frozen=True)
class NamedPatients:
    """An adapter whose cases get their patient from their id, by a pattern."""

    adapter: Adapter
    pattern: str

    def case_ids(self) -> list[str]:
        return self.adapter.case_ids()

    def sources(self, case_id: str) -> CaseSources:
        return self.adapter.sources(case_id)

    def faults(self, case_id: str) -> Sequence[Fault]:
        return self.adapter.faults(case_id)

    def load(self, case_id: str) -> RawCase:
        patient = patient_in(self.pattern, case_id)
        return dataclasses.replace(self.adapter.load(case_id), patient_id=patient)
