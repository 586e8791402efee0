"""Which value of a predicted label map is which class, in files that people and programs read."""

from collections.abc import Mapping

from ramify.data.label_names import DESCRIPTION
from ramify.disk.json_files import to_json
from ramify.drawing.colour_table import colour_table
from ramify.drawing.colours import class_colours
from ramify.tasks.formulation import Tasks

COLOUR_TABLE = "labels.ctbl"


def legend_of(tasks: Tasks) -> Mapping[str, str]:
    """File name -> content: dataset.json as nnU-Net has it, and a colour table of 3D Slicer; none for plain masks."""
    table, written = tasks.table, tasks.written_values
    if written is None:
        return {}
    values = dict(zip(table.names, written[1:], strict=True))
    regions = {name: [values[member] for member in members] for name, members in table.regions.items()}
    labels = zip(values.values(), values, class_colours(len(values)), strict=True)
    return {
        DESCRIPTION: to_json({"labels": {"background": 0, **values}, "regions": regions}),
        COLOUR_TABLE: colour_table(labels),
    }
