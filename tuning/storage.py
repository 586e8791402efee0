"""Where a study is kept: a SQLite file for one machine, a PostgreSQL database for several."""

import contextlib
import sqlite3
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import optuna
import sqlalchemy
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial
from sqlalchemy import exc
from sqlalchemy.engine import URL, make_url

from ramify.tuning.storage_url import file_of, parse_url, shown, without_secrets
from ramify.tuning.trials import is_latest

LOCK_WAIT_SECONDS = 30
"""How long a busy database is waited for."""
BEATS_OF_GRACE = 5
"""A worker without a sign of life for so many heartbeats is taken for dead."""


def open_storage(url: str, heartbeat_seconds: int, retries: int) -> RDBStorage:
    """Optuna's storage at a URL, made where it is missing.

    While a trial runs, its worker gives a sign of life every `heartbeat_seconds`; a trial without any is failed by the
    next worker that asks for one, and queued again up to `retries` times with what it had reported.

    Raises:
        ValueError: a malformed URL, another kind of database, or its driver is missing.
        OSError: the database is locked, unreachable or no database.
    """
    where = _checked(url)
    wait = {"timeout": LOCK_WAIT_SECONDS} if file_of(where) else {"connect_timeout": LOCK_WAIT_SECONDS}
    with told_in_a_line(url), _tables_made_once(where), warnings.catch_warnings():
        # Heartbeats have been "experimental" in Optuna since 2020.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return RDBStorage(
            # Optuna would fill in what stands in braces.
            where.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}"),
            # A connection that the server has closed since is opened anew.
            engine_kwargs={"connect_args": wait, "pool_pre_ping": True},
            heartbeat_interval=heartbeat_seconds,
            grace_period=BEATS_OF_GRACE * heartbeat_seconds,
            heartbeat_stale_trial_callback=_RetryOnce(max_retry=retries, inherit_intermediate_values=True),
        )


@contextlib.contextmanager
def _tables_made_once(where: URL) -> Iterator[None]:
    """One machine at a time looks for Optuna's tables and makes them: of two that make them at once, each fails."""
    if file_of(where):
        yield  # SQLite keeps its own order, and workers of one machine begin when the tables are there.
        return
    engine = sqlalchemy.create_engine(where, connect_args={"connect_timeout": LOCK_WAIT_SECONDS})
    try:
        with _advisory_lock(engine, "tables"):
            yield
    finally:
        engine.dispose()


class _RetryOnce(RetryHeartbeatStaleTrialCallback):
    """Optuna's, but for an attempt that is queued again already: its worker did so, and was killed before it ended."""

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        if is_latest(study, trial):
            super().__call__(study, trial)


def _checked(url: str) -> URL:
    """The URL with its driver; its file's folder is made."""
    where = parse_url(url)
    if file := file_of(where):
        _check_no_other_database(file, url)
        file.parent.mkdir(parents=True, exist_ok=True)
        return where
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise ValueError(
            f"--storage {shown(url)}: PostgreSQL needs one more package: pip install 'psycopg[binary]'"
        ) from None
    return where.set(drivername="postgresql+psycopg")


def _check_no_other_database(file: Path, url: str) -> None:
    """Refuse a database of something else, which tables of studies would be added to."""
    if not file.is_file():
        return
    where = f"{file.resolve().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(where, uri=True, timeout=LOCK_WAIT_SECONDS)) as connection:
        try:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        except sqlite3.DatabaseError:
            return  # No database, or one that is locked: Optuna finds that too.
    if tables and not tables & {"studies", "version_info", "alembic_version"}:
        raise ValueError(
            f"--storage {shown(url)}: a database of something else (with a table {min(tables)}); "
            "choose a file of studies, or a new one"
        )


@contextlib.contextmanager
def told_in_a_line(url: str) -> Iterator[None]:
    """Turn a database's complaints into an OSError of one line, with the remedy."""
    try:
        yield
    except (exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
        said = " ".join(str(getattr(cause, "orig", None) or cause).split())
        where = parse_url(url)
        reason = without_secrets(said, where)
        if "locked" in reason:
            remedy = "another program keeps it locked: end that, or choose another --storage"
        elif file_of(where):
            remedy = "choose a writable file that is a study's, or a new one"
        else:
            remedy = "is the database running, and are user, password and name right?"
        raise OSError(f"--storage {shown(url)}: {reason}; {remedy}") from None
    except RuntimeError as error:
        # Optuna's refusal of tables that another version of it made.
        if "version" not in str(error):
            raise
        raise OSError(
            f"--storage {shown(url)}: {without_secrets(' '.join(str(error).split()), parse_url(url))}"
        ) from None


@contextlib.contextmanager
def taking_turns(storage: RDBStorage, study_name: str) -> Iterator[None]:
    """Let one worker at a time look at a study and take a trial from it, whatever machine it is on.

    A database's own locks are used, which end with the process that holds them.

    Raises:
        OSError: the turn did not come in time.
    """
    url = make_url(storage.url)
    file = file_of(url)
    with _file_lock(f"{file}.turn") if file else _advisory_lock(storage.engine, study_name):
        yield


@contextlib.contextmanager
def _file_lock(path: str) -> Iterator[None]:
    # An empty SQLite file beside the study's: its exclusive lock is the same on every system.
    connection = sqlite3.connect(path, timeout=LOCK_WAIT_SECONDS, isolation_level=None)
    try:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise OSError(f"{path}: {error}; another worker holds it without an end") from None
        yield
    finally:
        connection.close()


@contextlib.contextmanager
def _advisory_lock(engine: sqlalchemy.Engine, study_name: str) -> Iterator[None]:
    key = {"key": f"ramify {study_name}"}
    end = time.monotonic() + LOCK_WAIT_SECONDS
    # No transaction: the lock is the connection's.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.scalar(sqlalchemy.text("SELECT pg_try_advisory_lock(hashtext(:key))"), key):
            if time.monotonic() > end:
                raise OSError(f"study {study_name}: another worker holds it without an end")
            time.sleep(0.05)
        try:
            yield
        finally:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_unlock(hashtext(:key))"), key)
