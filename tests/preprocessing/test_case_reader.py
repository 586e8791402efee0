"""Cases kept between the steps of a preparation: the same as from their files, never an older one, in little memory."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ramify.data.class_maps import Fault
from ramify.data.raw_case import RawCase
from ramify.data.sources import CaseSources
from ramify.preprocessing.case_reader import CaseReader
from tests.preprocessing.drawn_cases import TREES, bars_in_a_box


class Drawn:
    """A data set of drawn cases, each with a file that says which version of it is drawn; it counts its readings."""

    def __init__(self, root: Path) -> None:
        self.root, self.readings = root, Counter[str]()

    def case_ids(self) -> list[str]:
        return ["a", "b"]

    def sources(self, case_id: str) -> CaseSources:
        return CaseSources(self.root, (self.root / case_id,), {})

    def faults(self, case_id: str) -> tuple[Fault, ...]:
        return ()

    def load(self, case_id: str) -> RawCase:
        self.readings[case_id] += 1
        raw = bars_in_a_box(case_id)
        drawn = float((self.root / case_id).read_text())
        image = raw.image.with_array(np.full(raw.image.shape, drawn, np.float32))
        classes = raw.vessels.with_array(raw.vessels.array.astype(np.uint8))
        structures = {"vessels": raw.vessels.with_array(~raw.vessels.array), "odd": raw.organ}
        return RawCase(case_id, case_id, {"CT": image}, raw.organ, raw.vessels, structures, {"x": 1}, classes, TREES)


@pytest.fixture
def drawn(tmp_path):
    for case_id in "ab":
        (tmp_path / case_id).write_text("1")
    return Drawn(tmp_path)


def told(raw):
    masks = [raw.organ, raw.vessels, *raw.structures.values()]
    arrays = [raw.image.array, raw.classes.array, *(mask.array for mask in masks)]
    return [(its.dtype.str, its.shape, its.tobytes()) for its in arrays]


def test_what_was_read_is_not_read_again(drawn):
    reader = CaseReader(drawn)
    first, second, third = reader.read("a"), reader.read("a"), reader.take("a")
    assert drawn.readings == {"a": 1}
    assert told(first) == told(second) == told(third)
    assert third.structures.keys() == first.structures.keys()
    assert (third.provenance, third.table, third.image.spacing_mm) == (
        first.provenance,
        first.table,
        first.image.spacing_mm,
    )


def test_what_was_taken_is_kept_no_longer(drawn):
    reader = CaseReader(drawn)
    reader.read("a")
    reader.take("a")
    reader.take("a")
    assert drawn.readings == {"a": 2}


def test_a_case_whose_files_changed_meanwhile_is_read_anew(drawn):
    reader = CaseReader(drawn)
    reader.read("a")
    (drawn.root / "a").write_text("22")
    assert reader.take("a").image.array.max() == 22


def test_a_file_that_changes_while_it_is_read_does_not_pass_for_what_was_read(drawn, monkeypatch):
    reader, load = CaseReader(drawn), drawn.load

    def changed_meanwhile(case_id):
        raw = load(case_id)
        (drawn.root / case_id).write_text("22")
        return raw

    monkeypatch.setattr(drawn, "load", changed_meanwhile)
    assert reader.read("a").image.array.max() == 1
    monkeypatch.undo()
    assert reader.take("a").image.array.max() == 22


def test_no_more_is_kept_than_fits(drawn):
    raw = drawn.load("a")
    packed = raw.image.array.nbytes + raw.classes.array.nbytes + 4 * -(-raw.vessels.array.size // 8)
    reader = CaseReader(drawn, keep_bytes=2 * packed - 1)
    drawn.readings.clear()
    for case_id in "ab":
        reader.read(case_id)
    for case_id in "ab":
        reader.take(case_id)
    assert drawn.readings == {"a": 1, "b": 2}
    # What was given back makes room.
    reader.read("b")
    reader.take("b")
    assert drawn.readings["b"] == 3


def test_a_case_without_organ_or_classes_is_kept_likewise(drawn, monkeypatch):
    raw = bars_in_a_box("a")
    bare = RawCase("a", "a", {"CT": raw.image}, None, raw.vessels)
    monkeypatch.setattr(drawn, "load", lambda case_id: bare)
    reader = CaseReader(drawn)
    reader.read("a")
    again = reader.take("a")
    assert again is not bare
    assert again.organ is again.classes is None
    assert np.array_equal(again.vessels.array, raw.vessels.array)
