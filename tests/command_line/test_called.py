"""Remedies and pages name a script as it can be called where they are read."""

import pytest

from ramify.command_line.called import called


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("ramify tune", ["ramify", "train"]),
        ("/checkout/tune.py", ["python", "train.py"]),
        ("/some/where/bin/ramify-tools/tune.py", ["python", "train.py"]),
    ],
)
def test_a_script_is_called_as_this_one_was(monkeypatch, typed, words):
    monkeypatch.setattr("sys.argv", [typed])
    assert called("train") == words
