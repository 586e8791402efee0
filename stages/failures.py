"""The cases of a command that failed, as a table to go through."""

from collections.abc import Mapping
from pathlib import Path

from ramify.console.csv_text import csv_of_records
from ramify.disk.atomic_files import write_whole
from ramify.disk.own_files import remove


def failures_file(shard: str | None) -> str:
    """Its name; jobs that take a share each write one each."""
    return f"failures{'_' + shard.replace('/', '_of_') if shard else ''}.csv"


def write_failures(path: Path, failed: Mapping[str, str]) -> None:
    """A row a case with why it failed; without any, the table of an earlier call goes."""
    if failed:
        write_whole(path, csv_of_records([{"case": case_id, "error": why} for case_id, why in failed.items()]))
    else:
        remove(path)
