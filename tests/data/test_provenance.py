import subprocess
from importlib import metadata

import pytest

import ramify
from ramify.data import provenance
from ramify.data.provenance import commit, versions


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit, which keeps the file that asks."""

    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    asking = tmp_path / provenance.THIS
    asking.parent.mkdir()
    asking.write_text("text")
    git("add", provenance.THIS)
    git("commit", "-m", "first")
    return tmp_path


def test_versions_are_those_of_the_packages_and_found_once(monkeypatch):
    found = versions()
    assert found["numpy"] == metadata.version("numpy")
    assert found["ramify"] == ramify.__version__
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("asked again"))
    found["numpy"] = "changed"
    assert versions()["numpy"] == metadata.version("numpy")


def test_a_checkout_tells_its_commit(repository, monkeypatch):
    monkeypatch.setattr(provenance, "CODE", repository)
    clean = commit()
    assert len(clean) == 12
    (repository / provenance.THIS).write_text("other")
    assert commit() == f"{clean}-dirty"


def test_the_commit_of_a_repository_around_an_installed_copy_is_not_ours(repository, monkeypatch):
    installed = repository / "site-packages"
    installed.mkdir()
    monkeypatch.setattr(provenance, "CODE", installed)
    assert commit() == "unknown"
    monkeypatch.setattr(provenance, "CODE", repository)
    monkeypatch.setenv("GIT_DIR", str(repository / "elsewhere"))
    assert commit() != "unknown"


def test_the_commit_of_a_repository_that_the_code_was_unpacked_into_is_not_ours(repository, monkeypatch):
    subprocess.run(["git", "rm", "--quiet", "--cached", provenance.THIS], cwd=repository, check=True)
    monkeypatch.setattr(provenance, "CODE", repository)
    assert commit() == "unknown"
