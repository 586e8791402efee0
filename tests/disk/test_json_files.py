"""JSON is read whole, each key once, within limits, or refused in one line."""

import time

import pytest

from ramify.disk.json_files import read_json, to_json, write_json
from tests.fuzzing.texts import HOSTILE_JSON, SCORES, damaged


@pytest.mark.parametrize("name", HOSTILE_JSON)
def test_hostile_files_end_in_one_line_soon(tmp_path, name):
    path = tmp_path / "metrics.json"
    path.write_bytes(HOSTILE_JSON[name])
    began = time.process_time()
    with pytest.raises(ValueError, match=r"metrics\.json: ") as caught:
        read_json(path)
    assert time.process_time() - began < 5
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"x": "a { b", "b": 1,\n"c": {"b": 1},\n "b": 2}', "line 3: key 'b' for the second time, after line 1"),
        ('[{"a": 1},\n{"a": 1, "a": 2}]', "line 2: key 'a' for the second time, after line 2"),
        ('{"a\\"": 1,\n\n"a\\"": 1}', "line 3: key 'a\"' for the second time, after line 1"),
    ],
)
def test_a_key_twice_is_named_with_its_line(tmp_path, text, line):
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="for the second time") as caught:
        read_json(tmp_path / "a.json")
    assert str(caught.value) == f"{tmp_path / 'a.json'}: {line}; keep one of them"


def test_what_is_written_is_read(tmp_path):
    content = {"b": [1, 2.5, None, True, "ä"], "a": {"c": {}}}
    (tmp_path / "a.json").write_text(to_json(content), encoding="utf-8")
    assert read_json(tmp_path / "a.json") == content
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + to_json(content).encode())
    assert read_json(tmp_path / "a.json") == content


def test_damaged_scores_are_read_or_refused_in_one_line(tmp_path):
    path, refused = tmp_path / "metrics.json", 0
    for number in range(300):
        what, text = damaged(SCORES, 0, number)
        path.write_bytes(text)
        try:
            read_json(path)
        except ValueError as error:
            line, refused = str(error), refused + 1
        else:
            continue
        assert line.startswith(f"{path}: "), what
        assert "\n" not in line, what
    assert refused > 200


def test_a_name_that_is_no_text_comes_back(tmp_path):
    write_json(tmp_path / "a.json", {"caf\udce9": "é"})
    assert read_json(tmp_path / "a.json") == {"caf\udce9": "é"}
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "caf\\udce9": "é"\n}\n'
