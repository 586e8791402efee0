import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest

from ramify.tuning import storage as module
from ramify.tuning.storage import open_storage, taking_turns, told_in_a_line
from ramify.tuning.storage_url import parse_url, shown, url_of_file, without_secrets
from tests.tuning import postgresql


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(module, "LOCK_WAIT_SECONDS", 0.2)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("study.db", "--storage study.db: not a database URL; expected sqlite:///FILE or postgresql://"),
        ("mysql://host/name", "mysql is not supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_urls_that_are_refused(url, message):
    with pytest.raises(ValueError, match=message):
        open_storage(url, 1, 1)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:sec@ret@host/studies",
        "postgresql://me:secret@host:port/studies",
        "postgresql:/me:secret@host/studies",
        "postgres//me:secret@host/studies",
        "me:secret@host/studies",
        "mysql://me:secret@host/studies",
        "mysql://me:sec@ret@host/studies",
        "oracle+secret://me:secret@host/x",
        "sqlite://me:secret@host/studies",
        "postgresql://me/secret@host/studies",
    ],
)
def test_a_malformed_url_is_not_repeated(url):
    with pytest.raises(ValueError, match="--storage") as refused:
        open_storage(url, 1, 1)
    told = str(refused.value).replace("password is written", "")
    assert not [part for part in ("secret@", "sec", "ret@", "me:") if part in told], told
    assert "\n" not in told


@pytest.mark.parametrize(
    "url", ["postgresql://me:secret@127.0.0.1:1/studies", "postgresql://127.0.0.1:1/s?password=secret"]
)
def test_secrets_are_shown_nowhere(url):
    assert "secret" not in shown(url)
    assert "secret" not in without_secrets("cannot connect as me with secret", parse_url(url))


@pytest.mark.parametrize("name", ["q?a=1#b", "50%", "{0}", "a b", "a&uri=true", "ä%3F?", "x@y:z"])
def test_a_path_is_no_url(tmp_path, name):
    file = tmp_path / name / "study.db"
    storage = open_storage(url_of_file(file), 1, 1)
    assert file.is_file()
    with taking_turns(storage, "study"):
        assert (tmp_path / name / "study.db.turn").exists()
    assert {path.name for path in tmp_path.iterdir()} == {name}
    assert shown(url_of_file(file)) == f"sqlite:///{file}"
    storage.engine.dispose()


def test_options_of_a_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"what follows the \? is no part of the file's name"):
        open_storage(f"sqlite:///{tmp_path}/study.db?a=1", 1, 1)


def test_psycopg_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ValueError, match=r"pip install 'psycopg\[binary\]'") as refused:
        open_storage("postgresql://me:secret@localhost/studies", 1, 1)
    assert "secret" not in str(refused.value)


def test_an_unreachable_database():
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
    with pytest.raises(OSError, match="is the database running") as refused:
        open_storage("postgresql://me:secret@127.0.0.1:1/studies", 1, 1)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "notes.db").write_text("not a database " * 100, encoding="utf-8")
    with pytest.raises(OSError, match=r"notes.db: file is not a database; choose a writable file"):
        open_storage(f"sqlite:///{tmp_path / 'notes.db'}", 1, 1)


def test_a_locked_file(tmp_path):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    open_storage(url, 1, 1).engine.dispose()
    other = sqlite3.connect(tmp_path / "study.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(OSError, match="database is locked; another program keeps it locked"):
        open_storage(url, 1, 1)
    other.close()


def test_a_file_in_a_new_folder_is_made(tmp_path):
    storage = open_storage(f"sqlite:///{tmp_path / 'new' / 'study.db'}", 7, 1)
    assert storage.get_heartbeat_interval() == 7
    assert storage.grace_period == 35
    assert (tmp_path / "new" / "study.db").exists()


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="ours"), told_in_a_line("sqlite:///x.db"):
        raise RuntimeError("ours")


def test_one_at_a_time(tmp_path):
    storage = open_storage(f"sqlite:///{tmp_path / 'study.db'}", 1, 1)
    inside, most = [], []

    def enter() -> None:
        with taking_turns(storage, "study"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6


def test_a_turn_that_does_not_come(tmp_path):
    storage = open_storage(f"sqlite:///{tmp_path / 'study.db'}", 1, 1)
    with (
        taking_turns(storage, "study"),
        pytest.raises(OSError, match="another worker holds it without an end"),
        taking_turns(storage, "study"),
    ):
        pass


def test_a_killed_worker_gives_up_its_turn(tmp_path):
    storage = open_storage(f"sqlite:///{tmp_path / 'study.db'}", 1, 1)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
            "c.execute('BEGIN EXCLUSIVE'); print('held', flush=True); time.sleep(3600)",
            str(tmp_path / "study.db.turn"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OSError, match="without an end"), taking_turns(storage, "study"):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with taking_turns(storage, "study"):
        pass


@pytest.mark.skipif(postgresql.missing() is not None, reason=str(postgresql.missing()))
def test_machines_that_open_a_new_database_at_once_make_its_tables_once(monkeypatch):
    monkeypatch.setattr(module, "LOCK_WAIT_SECONDS", 300)
    with postgresql.running() as url, ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(lambda _: open_storage(url, 1, 1), range(6)))
        assert [optuna.get_all_study_names(storage) for storage in opened] == [[]] * 6
        for storage in opened:
            storage.engine.dispose()
