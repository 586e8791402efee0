"""A trained network as its checkpoint has it, with what prediction must know of its training."""

from pathlib import Path
from typing import NamedTuple

from ramify.console.error_line import line_of
from ramify.models.build import build_inference_network
from ramify.models.network import Network
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.tasks.class_table import ClassTable
from ramify.tasks.formulation import Tasks
from ramify.training.checkpoint import load_checkpoint
from ramify.training.checkpoint_record import Checkpoint
from ramify.training.settings import RunSettings
from ramify.vessels.patient_axes import layout_name


def network_of(state: Checkpoint, settings: RunSettings, *, trained: bool = True) -> Network:
    """The part of a checkpoint's network that prediction needs; untrained, with fresh weights in place of its own.

    Raises ValueError where its weights are not those of its settings.
    """
    shape = state["network"]
    weights = state["model"] if trained else None
    sizes = shape["in_channels"], shape["scales"], shape["ndim"]
    table = ClassTable.model_validate(state["classes"])
    return build_inference_network(settings.model, *sizes, table, state=weights)


class ReadNetwork(NamedTuple):
    """A checkpoint's network, with what prediction must know of its training.

    Attributes:
        network: the part that prediction needs, on the CPU.
        state: all that the checkpoint holds.
        settings: of the training. preprocessing: of its cases. tasks: what the network was asked.
    """

    network: Network
    state: Checkpoint
    settings: RunSettings
    preprocessing: PreprocessingSettings
    tasks: Tasks


def read_network(checkpoint: Path) -> ReadNetwork:
    """The network of a checkpoint; raises as `predictor.Predictor` does."""
    state = load_checkpoint(checkpoint)
    try:
        settings = RunSettings.model_validate(state["config"])
        preprocessing = PreprocessingSettings.model_validate(state["preprocessing"])
        network = network_of(state, settings)
        table = ClassTable.model_validate(state["classes"])
        tasks = Tasks.of(settings.model.tasks, state["network"]["scales"], table)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ValueError(f"{checkpoint}: {line_of(error)}") from None
    layout = layout_name(len(state["prepared"]["shape"]))
    if (trained_on := state.get("orientation", layout)) != layout:
        raise ValueError(
            f"{checkpoint}: trained on arrays laid out {trained_on}, this version prepares them {layout}; use the "
            "version that trained it"
        )
    return ReadNetwork(network, state, settings, preprocessing, tasks)
