"""Whether CTs are ones that networks were trained on: scores of their masks would say too much."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ramify.data.case_record import SHOWN_DIGITS
from ramify.data.files import stored_in
from ramify.disk.digests import fingerprint
from ramify.training.checkpoint_record import CaseDescription

_SHOWN = 5
TOO_GOOD = (
    "scores of such masks are too good; --held-out predicts each case of a run by the network that did not see it"
)


def trained_on(state: CaseDescription) -> dict[str, list[str]]:
    """Each case that a network was trained on, with the digests of its files as far as the checkpoint knows them.

    None of a checkpoint that was stripped for prediction.
    """
    sources = state.get("sources", {})
    return {case_id: sources.get(case_id, []) for case_id in state.get("cases", {"train": [], "val": []})["train"]}


class SeenCases:
    """What networks were trained on, to be told from the CTs that they are given.

    Args:
        of_networks: what `trained_on` says of each.
    """

    def __init__(self, of_networks: Sequence[Mapping[str, Sequence[str]]]) -> None:
        self._names = {case_id for cases in of_networks for case_id in cases}
        self._of_digest = {
            digest: case_id for cases in of_networks for case_id, digests in cases.items() for digest in digests
        }

    def is_named(self, case_id: str) -> bool:
        """Whether a training case is called so."""
        return case_id in self._names

    def by_name(self, case_ids: Sequence[str]) -> str | None:
        """A line that names the cases that are called as training cases are; None where none is."""
        seen = [case_id for case_id in case_ids if self.is_named(case_id)]
        if not seen:
            return None
        more = f" and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else ""
        return (
            f"by name, the networks were trained on {len(seen)} of {len(case_ids)} cases "
            f"({', '.join(seen[:_SHOWN])}{more}): {TOO_GOOD}"
        )

    def by_content(self, paths: Iterable[Path]) -> str | None:
        """A line that names the training case that one of these files or folders was; None where none was.

        Raises ValueError or OSError for a file that cannot be read.
        """
        if self._of_digest:
            for path in paths:
                # Of a header and its data the data: a header may name another file, or be that of another patient.
                content = path if path.is_dir() else stored_in(path)[-1]
                if case_id := self._of_digest.get(fingerprint(content)[:SHOWN_DIGITS]):
                    return f"{path.name} is the file of {case_id}, which the networks were trained on: {TOO_GOOD}"
        return None
