"""A trained network, written in each form that is asked for."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ramify.console.progress import say
from ramify.console.signals import saying_what_is_kept
from ramify.disk.atomic_files import write_whole
from ramify.disk.digests import fingerprint
from ramify.disk.outputs import Outputs
from ramify.exporting.bundle import FILES, bundle_of, check_bundle
from ramify.exporting.onnx_file import check_exporter, largest_difference, onnx_of
from ramify.exporting.settings import ExportCommand
from ramify.exporting.trained import TrainedNetwork, load_trained
from ramify.processes.folder_lock import held
from ramify.training.checkpoint import save_checkpoint
from ramify.training.clean_up import clean_up_of
from ramify.training.run_folder import find_checkpoint
from ramify.training.slim_checkpoint import slim
from ramify.training.trained_network import read_network


def export(command: ExportCommand) -> None:
    """Read the network, and write it in each form asked for."""
    if command.onnx is None and command.bundle is None and command.slim is None:
        raise ValueError("nothing to write: give --onnx FILE, --bundle FOLDER, --slim FILE, or several of them")
    checkpoint = find_checkpoint(command.checkpoint, command.weights)
    trained = load_trained(checkpoint)
    if (clean_up := clean_up_of([checkpoint])) is not None and clean_up.rules:
        say(f"note: predict.py cleans up ({clean_up.in_words()}), what is exported does not", error=True)
    # What cannot be written is told before anything is.
    if command.onnx:
        check_exporter()
    if command.bundle:
        check_bundle(trained)
    written: list[Path] = []
    kept = partial(what_is_kept, written)
    with saying_what_is_kept(kept), Outputs(command.checkpoint, replace=command.replace) as outputs:
        if command.onnx:
            outputs.claim_file(command.onnx, "onnx")
        if command.bundle:
            outputs.claim_folder(command.bundle, "bundle", FILES)
        if command.slim:
            outputs.claim_file(command.slim, "checkpoint")
            print(write_slim(command.slim, checkpoint))
            written.append(command.slim)
        if command.onnx:
            print(write_onnx(command.onnx, trained))
            written.append(command.onnx)
        if command.bundle:
            print(write_bundle(command.bundle, trained))


def what_is_kept(written: Sequence[Path]) -> str:
    """What an interruption leaves, in words."""
    return f"{', '.join(map(str, written)) or 'nothing'} is written; the same command writes all anew"


def write_onnx(path: Path, trained: TrainedNetwork) -> str:
    """Write the file, held against torch; what to say of it."""
    content = onnx_of(trained)
    apart = largest_difference(content, trained)
    write_whole(path, content)
    compared = "not compared, as onnxruntime is not installed" if apart is None else f"within {apart:.1e} of torch"
    return f"{path}: {len(content) / 1e6:.1f} MB, {compared}"


def write_slim(path: Path, checkpoint: Path) -> str:
    """Write the checkpoint for prediction alone; what to say of it."""
    content = slim(read_network(checkpoint))
    save_checkpoint(path, content)
    parameters = sum(tensor.numel() for tensor in content["model"].values())
    return f"{path}: {path.stat().st_size / 1e6:.1f} MB, {parameters:,} numbers, SHA-256 {fingerprint(path)}"


def write_bundle(folder: Path, trained: TrainedNetwork) -> str:
    """Write the bundle; what to say of it."""
    contents = bundle_of(trained, folder.resolve().name)
    with held(folder, "export.py"):
        for name, content in contents.items():
            write_whole(folder / name, content)
    return f"{folder}: a bundle of {len(contents)} files, {', '.join(contents)}"
