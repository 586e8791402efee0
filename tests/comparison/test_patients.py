from pathlib import Path

import pytest

from ramify.comparison.patients import read_patients


def test_patients_by_case(tmp_path: Path):
    path = tmp_path / "patients.json"
    path.write_text('{"a": "p", "b": 2}')
    assert read_patients(path) == {"a": "p", "b": "2"}


@pytest.mark.parametrize(
    ("text", "says"), [("[]", "expected patients by case"), ('{"a": []}', "expected patients"), ("a", "not a JSON")]
)
def test_other_files_are_one_line(tmp_path: Path, text: str, says: str):
    path = tmp_path / "patients.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        read_patients(path)
    with pytest.raises(FileNotFoundError, match="gone"):
        read_patients(tmp_path / "gone")
