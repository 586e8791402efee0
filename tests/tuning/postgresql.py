"""A PostgreSQL of one's own on a loopback port, for as long as a test takes."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

USER = "ramify"


def missing() -> str | None:
    """Why there can be none; None where there can."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed: pip install 'psycopg[binary]'"
    if _programs() is None:
        return "PostgreSQL is not installed (Debian package postgresql)"
    return None


@contextlib.contextmanager
def running() -> Iterator[str]:
    """A new server; its URL."""
    programs = _programs()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="ramify-postgresql-"))
    # It refuses to run as root, and may not look into a folder of pytest's.
    identity: dict[str, Any] = {}
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        identity = {"user": "postgres", "group": "postgres", "extra_groups": []}
    data, port = str(folder / "data"), _free_port()
    quick = ["-c", "fsync=off", "-c", f"unix_socket_directories={folder}", "-c", "listen_addresses=127.0.0.1"]
    server = None
    try:
        made = [
            str(programs / "initdb"),
            "-D",
            data,
            "-A",
            "trust",
            "-U",
            USER,
            "--no-sync",
            "-E",
            "UTF8",
            "--locale",
            "C",
        ]
        subprocess.run(made, cwd="/", check=True, capture_output=True, **identity)
        with (folder / "log").open("wb") as log:
            command = [str(programs / "postgres"), "-D", data, "-p", str(port), *quick]
            server = subprocess.Popen(command, cwd="/", stdout=log, stderr=log, **identity)
        _wait_until_ready(port, server)
        yield f"postgresql://{USER}@127.0.0.1:{port}/postgres"
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # Ends connections and stops.
            server.wait(timeout=60)
        shutil.rmtree(folder)


def _programs() -> Path | None:
    """Folder of the server's programs; Debian keeps it off the path."""
    found = shutil.which("postgres")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(port: int, server: "subprocess.Popen[bytes]") -> None:
    import psycopg

    end = time.monotonic() + 300
    while True:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user=USER, dbname="postgres").close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.1)
