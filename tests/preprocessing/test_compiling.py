"""What is compiled before the cases are given out is nearly all that a case calls, and costs nothing where it fails."""

import numpy as np
import pytest

from ramify.preprocessing.case_reader import CaseReader
from ramify.preprocessing.compiling import compile_first, small_case
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.stages import preprocess
from tests.case_processes import CrewHere
from tests.preprocess.pairs import arguments, call, write_pairs


def test_the_small_case_has_trees_of_every_scale():
    arrays, record = prepare_case(small_case(), PreprocessingSettings(grid=GridSettings(crop="volume")))
    assert np.unique(arrays["scales"]).tolist() == [0, 1, 2, 3]
    assert len(record["scales"]["radii_mm"]) > 5


@pytest.mark.parametrize("fails", [False, True])
def test_the_first_case_is_read_meanwhile_and_kept(fails):
    read = list[str]()

    class Reader(CaseReader):
        def read(self, case_id):
            read.append(case_id)
            if fails:
                raise ValueError("told by whoever prepares it")

    compile_first(CrewHere(Reader(None)), ["a", "b"])
    assert read == ["a"]


@pytest.mark.parametrize(("workers", "kept", "times"), [("2", True, 1), ("1", True, 0), ("2", False, 0)])
def test_several_workers_compile_once(tmp_path, monkeypatch, capsys, workers, kept, times):
    root, firsts = write_pairs(tmp_path / "in"), list[list[str]]()
    takes = iter(["compiling, once", ""])
    monkeypatch.setattr(preprocess, "crew_of", lambda tool, *_: CrewHere(tool))
    monkeypatch.setattr(preprocess, "what_compiling_takes", lambda kernel: next(takes))
    monkeypatch.setattr(preprocess, "can_be_kept", lambda kernel: kept)
    monkeypatch.setattr(preprocess, "compile_first", lambda crew, case_ids: firsts.append(list(case_ids)))
    code, _, _ = call(arguments(root, tmp_path / "cases", "--folds.folds", "2", "--workers", workers), capsys)
    assert (code, firsts) == (0, [["case_1", "case_2"]] * times)
