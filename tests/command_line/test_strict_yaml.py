"""Settings are read strictly: what PyYAML would pass over, follow without end, or fail at with a traceback."""

import time
from pathlib import Path

import pytest

from ramify.command_line import parse
from ramify.command_line.strict_yaml import parse_yaml
from ramify.command_line.yaml_settings import read_yaml
from ramify.training.settings import RunSettings
from tests.fuzzing.texts import HOSTILE_YAML, SETTINGS, damaged


def refusal(path: Path) -> str | None:
    """The one line a file is refused with, None where it is read; never anything else than a ValueError."""
    try:
        parse(RunSettings, "test", ["--config", str(path), "--cases", "c", "--output", "o"])
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", HOSTILE_YAML)
def test_hostile_settings_end_in_one_line_soon(tmp_path, name):
    path = tmp_path / "config.yaml"
    path.write_bytes(HOSTILE_YAML[name])
    began = time.process_time()
    line = refusal(path)
    assert time.process_time() - began < 5
    assert line is not None
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    assert len(line) < 600 + len(str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: 1\nb: 2\na: 3\n", r"^line 3: key a for the second time, after line 1; keep one of them$"),
        (b"yes: 1\ntrue: 2\n", r"^line 2: key true for the second time, after line 1"),
        (b"a: \xff\n", r"^not in UTF-8 \(line 1\); save it in that encoding$"),
        (b"a: [b\n" * 2, r"^not a YAML file \("),
    ],
)
def test_the_line_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        parse_yaml(text)


def test_anchors_and_merges_are_read_as_yaml_has_them():
    text = b"a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\nd: [1, 2.5, yes, null, '1']\n"
    both = {"x": 1, "y": 2}
    assert parse_yaml(text) == {"a": both, "b": {"x": 1, "y": 3}, "c": both, "d": [1, 2.5, True, None, "1"]}
    assert parse_yaml("\ufeffa: ä\n".encode()) == {"a": "ä"}


def test_every_shipped_configuration_is_read():
    files = sorted((Path(__file__).parents[2] / "configs").rglob("*.yaml"))
    assert len(files) > 10
    for file in files:
        assert read_yaml(file)


@pytest.mark.integration
def test_damaged_settings_are_read_or_refused_in_one_line(tmp_path):
    path, refused = tmp_path / "config.yaml", 0
    for number in range(150):
        what, text = damaged(SETTINGS, 0, number)
        path.write_bytes(text)
        if (line := refusal(path)) is not None:
            refused += 1
            assert "\n" not in line, what
            assert str(path) in line or line.startswith("--"), what
    assert refused > 50


def test_an_empty_file_is_no_settings(tmp_path):
    """A download that was cut off would train with all defaults; a file of comments alone says nothing on purpose."""
    path = tmp_path / "empty.yaml"
    path.write_bytes(b"")
    assert (
        refusal(path) == f"{path}: is empty, as where a download or a copy was cut off; get it again, or leave it out"
    )
    path.write_text("# all defaults\n", encoding="utf-8")
    assert refusal(path) is None
