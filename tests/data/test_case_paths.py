import unicodedata
from pathlib import Path

import pytest

from ramify.data.case_paths import folder_of_cases, is_of_each_case, path_of_case, paths_of_cases
from tests.empty_files import touch


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("{case}.mha", {"a": "a.mha", "b c": "b c.mha"}),
        ("{case} LABEL.mha", {"a": "a LABEL.mha"}),
        ("x/{case}/liver.mha", {"a": "x/a/liver.mha"}),
        ("x/p{case}/{case}_liver.mha", {"7": "x/p7/7_liver.mha"}),
        ("x/{case}_{case}.mha", {"a_b": "x/a_b_a_b.mha"}),
        ("x[1]/{case}.mha", {"a": "x[1]/a.mha"}),
    ],
)
def test_the_cases_of_a_path(tmp_path: Path, pattern: str, files: dict[str, str]):
    touch(tmp_path, *files.values(), "x/other/readme.txt", "._a.mha", ".a LABEL.mha", "x/.a/liver.mha")
    assert is_of_each_case(tmp_path / pattern)
    assert dict(paths_of_cases(tmp_path / pattern)) == {case: tmp_path / name for case, name in files.items()}
    assert {case: path_of_case(tmp_path / pattern, case) for case in files} == dict(paths_of_cases(tmp_path / pattern))


def test_the_folder_that_has_the_cases_in_it():
    assert folder_of_cases(Path("in/{case}/liver.mha")) == Path("in")
    assert folder_of_cases(Path("{case}.mha")) == Path()
    assert folder_of_cases(Path("in/a.mha")) == Path("in/a.mha")
    assert not is_of_each_case(Path("in/case.mha"))
    assert not is_of_each_case(None)


def test_accented_letters_in_either_spelling(tmp_path: Path):
    one = unicodedata.normalize("NFC", "Müller")
    stored = touch(tmp_path / unicodedata.normalize("NFD", "Müller"), "liver.mha") / "liver.mha"
    assert path_of_case(tmp_path / "{case}/liver.mha", one).samefile(stored)
    ((case, path),) = paths_of_cases(tmp_path / "{case}/liver.mha")
    assert case == one
    assert path.samefile(stored)
