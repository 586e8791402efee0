"""What `train.py --auto` chooses for prepared cases on machines from two cores to a GPU of 80 GB, as a table.

    python -m benchmarks.planned_machines --cases FOLDER

Nothing is trained; --cases takes several folders. With --network unet of the U-Net; tasks are as train.py has them.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from ramify.command_line import parse, run
from ramify.planning.choices import by_axis
from ramify.planning.machine import GB, Machine
from ramify.planning.training import plan_training
from ramify.training.planned import form_of, prepared_cases
from ramify.training.settings import RunSettings

MACHINES = {
    "2 cores, 4 GB": Machine(4 * GB, cores=2, half=False),
    **{f"{gb} GB": Machine(gb * GB) for gb in (11, 24, 80)},
}
HEAD = """\
| cases | median case | machine | patch | halvings | batch | channels | a step, by the model |
| --- | --- | --- | --- | --- | --- | --- | --- |"""


class PlannedMachines(BaseModel, frozen=True, extra="forbid"):
    """What to plan for."""

    cases: tuple[Path, ...]
    """Folders of prepared cases."""
    network: str = "resunet"
    """As in model.network."""


def main() -> None:
    settings = parse(PlannedMachines, __doc__)
    print(HEAD)
    for store in settings.cases:
        for row in rows(store, settings.network):
            print(row)


def rows(store: Path, network: str = "resunet") -> Iterator[str]:
    """A row a machine."""
    settings = RunSettings.model_validate({"cases": store, "output": "runs/none", "model": {"network": network}})
    cases, form = prepared_cases(settings), form_of(settings)
    spacing = by_axis(round(side, 3) for side in cases.spacing_mm)
    for name, machine in MACHINES.items():
        plan = plan_training(cases, machine, form)
        patch, halvings = by_axis(plan.patch_size or ()), " ".join(map(str, plan.network.halvings))
        what = f"| {store.name} | {by_axis(cases.median_shape)} of {spacing} mm | {name} | {patch} | {halvings} "
        yield f"{what}| {plan.batch_size} | {plan.network.base_channels} | {plan.memory / GB:.1f} GB |"


if __name__ == "__main__":
    run(main)
