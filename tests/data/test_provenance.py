import subprocess
from importlib import metadata

import pytest

from ramify.data import provenance
from ramify.data.provenance import commit, versions


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit."""

    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    (tmp_path / "file").write_text("text")
    git("add", "file")
    git("commit", "-m", "first")
    return tmp_path


def test_versions_are_those_of_the_packages_and_found_once(monkeypatch):
    found = versions()
    assert found["numpy"] == metadata.version("numpy")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("asked again"))
    found["numpy"] = "changed"
    assert versions()["numpy"] == metadata.version("numpy")


def test_a_checkout_tells_its_commit(repository, monkeypatch):
    monkeypatch.setattr(provenance, "CODE", repository)
    clean = commit()
    assert len(clean) == 12
    (repository / "file").write_text("other")
    assert commit() == f"{clean}-dirty"


def test_the_commit_of_a_repository_around_an_installed_copy_is_not_ours(repository, monkeypatch):
    installed = repository / "site-packages"
    installed.mkdir()
    monkeypatch.setattr(provenance, "CODE", installed)
    assert commit() == "unknown"
    monkeypatch.setattr(provenance, "CODE", repository)
    monkeypatch.setenv("GIT_DIR", str(repository / "elsewhere"))
    assert commit() != "unknown"
