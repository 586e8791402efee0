"""Whether a prepared case is still what its sources, its settings and this code would make.

Beside a case's record, sources.json keeps where the data set lay and a stamp of each source (sizes and times, nothing
read). Stamps that are as they were mean unchanged files; for all others the SHA-256 decides, so that a data set which
was copied or touched is not prepared again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ramify.data.adapters.base import Adapter
from ramify.data.case_record import CaseRecord
from ramify.data.case_store import ALTERED, REMEDY, check_case, differences, list_cases, read_case
from ramify.data.sources import CaseSources
from ramify.disk.digests import fingerprint
from ramify.disk.json_files import read_json, to_json, write_json
from ramify.preprocessing.prepare import PREPARATION

SOURCES_FILE = "sources.json"
_SHOWN = 3


class Stamps(BaseModel, frozen=True):
    """Where the data set lay, None for one that is computed, and the stamp of each source."""

    root: str | None = None
    stamps: dict[str, str] = {}


def describe_stamps(sources: CaseSources) -> str:
    """The content of sources.json; to be taken before a case is read, so that a later change is never missed."""
    return to_json(Stamps(root=sources.place, stamps=sources.stamps()).model_dump())


def root_of(store: Path, case_id: str) -> str | None:
    """Where the data set of a case lay when it was prepared; None for one that is computed, or where nothing says."""
    return _stamps_of(store, case_id).root


def why_stale(store: Path, case_id: str, sources: CaseSources, settings: dict[str, Any], verify: bool) -> str | None:
    """Why a case that is in the store has to be made anew, in words; None where it has not.

    Args:
        store: folder of prepared cases.
        case_id: one of them.
        sources: what it would be made from today.
        settings: of the preprocessing, as plain data.
        verify: read every byte of the sources and of the prepared arrays, whatever the stamps say.

    Raises OSError where a source cannot be read.
    """
    try:
        known = (check_case if verify else read_case)(store, case_id).known
    except ValueError as error:
        return str(error).removeprefix(f"{store / case_id}: ").removesuffix(f"; {REMEDY}")
    if known.preparation != PREPARATION:
        # The first cases did not say which version made them.
        earlier = "an earlier version" if known.preparation is None else f"version {known.preparation}"
        return f"prepared by {earlier} of the preparation, this is version {PREPARATION}"
    changed = differences(known.settings, settings)
    before = known.provenance.get("settings", {})
    changed += [text for key, value in sources.settings.items() for text in differences(before.get(key), value, key)]
    if changed:
        return f"prepared with other settings ({'; '.join(changed[:_SHOWN])})"
    if known.altered:
        return ALTERED
    kept = _stamps_of(store, case_id)
    if reason := _changed_sources(known, sources, {} if verify else kept.stamps):
        return reason
    now = Stamps(root=sources.place, stamps=sources.stamps())
    if now != kept:
        write_json(store / case_id / SOURCES_FILE, now.model_dump())
    return None


def check_same_data_set(store: Path, adapter: Adapter, case_ids: Sequence[str]) -> str | None:
    """Refuse a store that was made from a data set elsewhere, unless its files are the same: it was moved.

    Returns:
        A line that says so, or None where the data set is where it was.

    Raises:
        ValueError: the two differ; the line names the first case that does.
    """
    sources_of = {case_id: sources for case_id in case_ids if (sources := _sources(adapter, case_id))}
    here = next((sources.place for sources in sources_of.values()), None)
    moved: dict[str, Stamps] = {}
    for case_id in list_cases(store):
        kept = _stamps_of(store, case_id)
        if here is None or kept.root in (None, here) or (case_id in case_ids and case_id not in sources_of):
            continue
        sources = sources_of.get(case_id)
        if difference := _difference(store, case_id, sources) if sources else "it has no such case":
            raise ValueError(
                f"{store}: was made from {kept.root}, and {here} is another data set (case {case_id}: {difference}); "
                "choose another --output"
            )
        moved[case_id] = kept
    for case_id in moved:
        write_json(store / case_id / SOURCES_FILE, Stamps(root=here, stamps=sources_of[case_id].stamps()).model_dump())
    roots = sorted({str(kept.root) for kept in moved.values()})
    return f"the data set was in {', '.join(roots)}; its files are the same" if roots else None


def _sources(adapter: Adapter, case_id: str) -> CaseSources | None:
    """What a case is made from; None where something is missing, which its own preparation will tell."""
    try:
        return adapter.sources(case_id)
    except (ValueError, OSError):
        return None


def _difference(store: Path, case_id: str, sources: CaseSources) -> str | None:
    try:
        known = read_case(store, case_id).known
    except ValueError:
        # It is damaged and will be made anew.
        return None
    return _changed_sources(known, sources, {})


def _changed_sources(known: CaseRecord, sources: CaseSources, unread: dict[str, str]) -> str | None:
    """What is not as it was when the case was prepared; files with the stamps in `unread` are taken as unchanged."""
    before = {str(one["path"]): str(one["sha256"]) for one in known.provenance.get("sources", [])}
    now, stamps = sources.by_name(), sources.stamps() if unread else {}
    changed = [
        name
        for name, path in now.items()
        if name in before
        and not (name in stamps and stamps[name] == unread.get(name))
        and fingerprint(path) != before[name]
    ]
    told = [
        (changed, "changed since it was prepared"),
        ([name for name in now if name not in before], "is new since it was prepared"),
        ([name for name in before if name not in now], "is gone since it was prepared"),
    ]
    texts = [f"{_listed(names)} {what}" for names, what in told if names]
    return "; ".join(texts) or None


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _stamps_of(store: Path, case_id: str) -> Stamps:
    path = store / case_id / SOURCES_FILE
    try:
        return Stamps.model_validate(read_json(path))
    except (OSError, ValueError, ValidationError):
        # Without stamps, the files are read.
        return Stamps()
