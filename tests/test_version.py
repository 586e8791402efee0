"""Which Ramify this is, told without loading torch."""

import platform
import subprocess
from importlib import metadata

import pytest

import ramify
from ramify import version
from ramify.version import commit, version_line


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit, which keeps the file that asks."""

    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    asking = tmp_path / version.THIS
    asking.parent.mkdir()
    asking.write_text("text")
    git("add", version.THIS)
    git("commit", "-m", "first")
    return tmp_path


def test_a_checkout_tells_its_commit(repository, monkeypatch):
    monkeypatch.setattr(version, "CODE", repository)
    clean = commit()
    assert len(clean) == 12
    (repository / version.THIS).write_text("other")
    assert commit() == f"{clean}-dirty"


def test_the_commit_of_a_repository_around_an_installed_copy_is_not_ours(repository, monkeypatch):
    installed = repository / "site-packages"
    installed.mkdir()
    monkeypatch.setattr(version, "CODE", installed)
    assert commit() == "unknown"
    monkeypatch.setattr(version, "CODE", repository)
    monkeypatch.setenv("GIT_DIR", str(repository / "elsewhere"))
    assert commit() != "unknown"


def test_the_commit_of_a_repository_that_the_code_was_unpacked_into_is_not_ours(repository, monkeypatch):
    subprocess.run(["git", "rm", "--quiet", "--cached", version.THIS], cwd=repository, check=True)
    monkeypatch.setattr(version, "CODE", repository)
    assert commit() == "unknown"


def test_the_line_names_what_results_depend_on(repository, monkeypatch):
    monkeypatch.setattr(version, "CODE", repository)
    on = f", Python {platform.python_version()}, torch {metadata.version('torch')}"
    assert version_line() == f"ramify {ramify.__version__} (commit {commit()}){on}"
    monkeypatch.setattr(version, "CODE", repository / "nowhere")
    assert version_line() == f"ramify {ramify.__version__}{on}"
