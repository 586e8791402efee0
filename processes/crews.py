"""Which crew a command's cases are given out to."""

from collections.abc import Callable, Iterator, Sequence

from ramify.processes.case_crew import CaseCrew
from ramify.processes.cluster_crew import ClusterCrew
from ramify.processes.crew import USUAL, Crew, Processes, ReportT, ToolT
from ramify.processes.crew_settings import CrewSettings


def crew_of(tool: ToolT, settings: CrewSettings, count: int, processes: Processes = USUAL) -> Crew[ToolT]:
    """A crew for so many cases, where the settings say; raises as `ClusterCrew`."""
    if settings.cluster is not None:
        return ClusterCrew(tool, settings.cluster, processes)
    return CaseCrew(tool, max(1, min(settings.workers, count)), processes)


def case_reports(
    do: Callable[[str], ReportT],
    case_ids: Sequence[str],
    settings: CrewSettings,
    lost: Callable[[str, str], ReportT],
    processes: Processes = USUAL,
) -> Iterator[ReportT]:
    """The reports of a crew that has one job alone: see `Crew.reports`."""
    use: Callable[[Callable[[str], ReportT], str], ReportT] = _use
    with crew_of(do, settings, len(case_ids), processes) as crew:
        yield from crew.reports(use, case_ids, lost)


def _use(do: Callable[[str], ReportT], case_id: str) -> ReportT:
    """The job of a crew whose tool is what it does."""
    return do(case_id)
