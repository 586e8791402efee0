"""Prepare many cases, one or several at a time; what is done already is not done again.

Each worker is a process of its own, so that a file that crashes its reader costs one case and not the run. Of several,
each has one thread: the work on a case hardly gains from more, and their threads would only get in each other's way. A
worker ends with the process that started it, so that a killed run leaves nothing behind that writes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ramify.console.alike import naming_case
from ramify.console.error_line import line_of
from ramify.data.case_store import CASE_FILE, read_case, write_case
from ramify.data.store_writers import remove_leftovers, writing
from ramify.disk.own_files import remove, set_aside_if_changed
from ramify.preprocessing.case_reader import CaseReader
from ramify.preprocessing.drawn_masks import remove_masks, truth_file, write_masks
from ramify.preprocessing.figures import draw_case
from ramify.preprocessing.freshness import SOURCES_FILE, describe_stamps, why_stale
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.processes.crew import Crew
from ramify.processes.temporary import remove_abandoned_folders

FIGURES_FOLDER = "figures"


@dataclass(frozen=True)
class CaseReport:
    """What became of a case.

    found: it had been there before, and still holds. stale: why one that was there was made anew. notes: what is worth
    knowing about it. warnings: those of the notes that ask for a look at the case; the others follow from the settings.
    error: the one line that says why it failed.
    """

    case_id: str
    found: bool = False
    stale: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class CaseWork:
    """Everything a worker needs to prepare a case and draw it."""

    store: Path
    settings: PreprocessingSettings
    verify: bool = False
    """Whether sources and prepared arrays are read in full before a case is taken as done."""
    masks: bool = False
    """Whether truth and organ are written as NIfTI, too."""

    def figure(self, case_id: str) -> Path:
        """Where the quality figure of a case lies."""
        return self.store / FIGURES_FOLDER / f"{case_id}.png"

    def do(self, reader: CaseReader, case_id: str) -> CaseReport:
        """Prepare a case and draw it, as far as that is not done; bad input becomes the report's error."""
        was_there = (self.store / case_id / CASE_FILE).is_file()
        try:
            with writing(self.store):
                return self._do(reader, case_id, was_there)
        except (ValueError, OSError) as error:
            line = naming_case(case_id, line_of(error))
        except MemoryError:
            line = f"case {case_id}: out of memory; use fewer --workers or a smaller grid"
        return CaseReport(case_id, error=f"{line} (what was prepared of it earlier stays)" if was_there else line)

    def _do(self, reader: CaseReader, case_id: str, was_there: bool) -> CaseReport:
        sources = reader.adapter.sources(case_id)
        settings = self.settings.model_dump(mode="json")
        stale = why_stale(self.store, case_id, sources, settings, self.verify) if was_there else None
        found = was_there and stale is None
        raw = None
        if not found:
            stamps = describe_stamps(sources)
            raw = reader.take(case_id)
            arrays, record = prepare_case(raw, self.settings)
            if was_there:
                self._keep_changed(case_id)
            remove(self.figure(case_id))
            remove_masks(self.store, case_id)
            write_case(self.store, case_id, arrays, record, {SOURCES_FILE: stamps})
        case = read_case(self.store, case_id)
        if not self.figure(case_id).is_file():
            draw_case(self.figure(case_id), case.arrays, case.record)
        if self.masks and not (self.store / truth_file(case_id)).is_file():
            write_masks(self.store, raw or reader.take(case_id))
        notes = (*case.record["notes"], *case.record["scales"]["notes"])
        return CaseReport(case_id, found, stale, notes, tuple(case.record.get("warnings", ())))

    def _keep_changed(self, case_id: str) -> None:
        """Keep what was changed in a prepared case since it was written, by hand or by a failing disk."""
        for path in sorted((self.store / case_id).iterdir()):
            if path.name in (CASE_FILE, SOURCES_FILE) or path.suffix == ".npy":
                set_aside_if_changed(path)


def prepare_cases(crew: Crew[CaseReader], work: CaseWork, case_ids: Sequence[str]) -> Iterator[CaseReport]:
    """Reports on the cases as they are done; in order with one worker.

    A case whose worker dies is begun once more by a fresh one, and then reported as failed.
    """
    try:
        yield from crew.reports(work.do, case_ids, _lost)
    finally:
        remove_abandoned_folders()
        # Of workers that died here, and of those of an earlier run that had not come to their end when this one began.
        remove_leftovers(work.store)


def _lost(case_id: str, how: str) -> CaseReport:
    return CaseReport(case_id, error=f"case {case_id}: {how}")
