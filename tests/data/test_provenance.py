"""What results say they were made with."""

import subprocess
from importlib import metadata

import pytest

import ramify
from ramify.data.provenance import versions


def test_versions_are_those_of_the_packages_and_found_once(monkeypatch):
    found = versions()
    assert found["numpy"] == metadata.version("numpy")
    assert found["ramify"] == ramify.__version__
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("asked again"))
    found["numpy"] = "changed"
    assert versions()["numpy"] == metadata.version("numpy")
