"""Settings of a training with what --auto chose in them."""

import json

import pytest
import torch
import yaml

from ramify import train
from ramify.models import build_network
from ramify.models.settings import ModelSettings
from ramify.planning.choices import Choice
from ramify.planning.machine import GB
from ramify.planning.step_cost import NetworkForm, NetworkSize, parameters_of
from ramify.training.planned import form_of, machine_of, planned, prepared_cases
from ramify.training.run_folder import RunFolder
from ramify.training.settings import RunSettings, TrainCommand

WORDS = ("--auto", "--device", "cpu", "--device-memory", "2", "--train.epochs", "1", "--loss.lambda-scales", "1")


def settings_of(cases, tmp_path, **more):
    return RunSettings.model_validate({"cases": cases, "output": tmp_path / "run", "device": "cpu", **more})


def test_what_is_planned_is_what_is_in_the_store(tiny_cases, tmp_path):
    settings = settings_of(tiny_cases, tmp_path)
    assert prepared_cases(settings) == ([(16, 16, 16)] * 4, (2.0, 1.0, 1.0))
    # Two scales beside the vessels, a decoder each.
    assert form_of(settings) == NetworkForm("resunet", 3, in_channels=1, decoders=3, outputs=3)
    alone = settings_of(tiny_cases, tmp_path, model={"network": "unet", "tasks": {"main": "scales"}})
    assert form_of(alone) == NetworkForm("unet", 3, in_channels=1, decoders=1, outputs=3)


def test_the_settings_get_plain_values(tiny_cases, tmp_path):
    settings, choices = planned(settings_of(tiny_cases, tmp_path), (), 4.0)
    # 16 voxels are halved twice; slices of 2 mm beside 1 mm wait for one level, and are then as long.
    assert settings.loading.patch_size == (16, 16, 16)
    assert (settings.model.levels, settings.model.pooling) == (2, None)
    assert [choice.key for choice in choices][:2] == ["loading.patch_size", "loading.batch_size"]


def test_what_is_named_stays(tiny_cases, tmp_path):
    given = settings_of(tiny_cases, tmp_path, model={"levels": 1, "base_channels": 4}, loading={"batch_size": 1})
    named = {"model.levels", "model.base_channels", "loading.batch_size"}
    settings, choices = planned(given, named, 4.0)
    assert (settings.model.levels, settings.model.base_channels, settings.loading.batch_size) == (1, 4, 1)
    assert {choice.key for choice in choices} == {"loading.patch_size", "model.pooling"}


def test_a_machine_by_its_device_and_memory():
    gpu = machine_of("auto", memory_gb=11)
    assert (gpu.memory, gpu.is_gpu, gpu.half) == (11 * GB, True, True)
    assert not machine_of("cuda", in_float32=True, memory_gb=11).half
    cpu = machine_of("cpu", memory_gb=8)
    assert (cpu.memory, cpu.cores, cpu.half) == (8 * GB, torch.get_num_threads(), False)
    # Nothing said: a training on the CPU gets 4 GB, or half of what there is.
    assert machine_of("cpu").memory <= 4 * GB


@pytest.mark.integration
def test_a_training_tells_and_keeps_its_plan_and_goes_on_with_it(tiny_cases, tmp_path, capsys):
    words = ["--cases", str(tiny_cases), "--output", str(tmp_path / "run"), *WORDS]
    train.main([*words, "--dry-run", "--model.base-channels", "2"])
    out = capsys.readouterr().out
    assert "auto:        loading.patch_size 16 16 16: 32 x 16 x 16 mm" in out
    assert not (tmp_path / "run").exists()

    train.main([*words, "--model.base-channels", "2"])
    folder = RunFolder(tmp_path / "run" / "fold_0")
    kept = yaml.safe_load((folder.root / "config.yaml").read_text())
    assert (kept["loading"]["patch_size"], kept["model"]["base_channels"]) == ([16, 16, 16], 2)
    assert "auto" not in kept
    chosen = json.loads((folder.root / "plan.json").read_text())["chosen"]
    assert [its["key"] for its in chosen][:2] == ["loading.patch_size", "loading.batch_size"]

    # A machine with less memory goes on with what was chosen, for more epochs.
    capsys.readouterr()
    words[words.index("2")] = "0.9"
    words[words.index("--train.epochs") + 1] = "2"
    train.main([*words, "--resume", "--model.base-channels", "2"])
    assert "loading.patch_size 16 16 16" in capsys.readouterr().out


def test_a_training_without_a_plan_keeps_none_of_one_that_came_to_nothing(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_plan([Choice("loading.batch_size", 2, "the least")])
    assert folder.read_plan() == [("loading.batch_size", 2, "the least")]
    folder.write_plan([])
    assert folder.read_plan() is None


def begun(settings, fold):
    """A fold that has begun, with these settings."""
    folder = RunFolder(settings.output / f"fold_{fold}")
    folder.root.mkdir(parents=True)
    folder.write_config(settings.model_copy(update={"fold": fold}))


def test_other_folds_of_a_run_keep_its_plan(tiny_cases, tmp_path):
    first, _ = planned(settings_of(tiny_cases, tmp_path, model={"base_channels": 4}), {"model.base_channels"}, 4.0)
    begun(first, 0)
    # Without the flag, and on a machine where nothing would fit.
    settings, choices = planned(settings_of(tiny_cases, tmp_path, fold=1), (), 0.5)
    assert (settings.model, settings.loading) == (first.model, first.loading)
    assert choices[0].why.startswith("as fold_0 of this run has it, whatever the machine; another --output gets a plan")
    assert "a step takes about" in choices[0].why
    assert {choice.why for choice in choices[1:]} == {"as fold_0 of this run has it"}
    # What is given, and the same, is no contradiction.
    given = settings_of(tiny_cases, tmp_path, fold=1, model={"base_channels": 4})
    assert planned(given, {"model.base_channels"}, 4.0)[0].model == first.model
    # The fold that there is begins anew with a plan of its own.
    assert planned(settings_of(tiny_cases, tmp_path), (), 4.0)[1][0].why.startswith("32 x 16 x 16 mm")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {"loading": {"patch_size": [8, 8, 8]}},
            "loading.patch_size 8 8 8: fold_0 of .*run has 16 16 16, and the folds",
        ),
        ({"model": {"network": "unet"}}, "model.network unet: fold_0 of .*run has resunet"),
    ],
)
def test_what_another_fold_has_otherwise_is_refused(tiny_cases, tmp_path, given, line):
    begun(planned(settings_of(tiny_cases, tmp_path), (), 4.0)[0], 0)
    named = {f"{section}.{key}" for section, its in given.items() for key in its}
    with pytest.raises(ValueError, match=f"--auto: {line}"):
        planned(settings_of(tiny_cases, tmp_path, fold=1, **given), named, 4.0)


def test_memory_without_a_plan_is_refused(tiny_cases, tmp_path):
    with pytest.raises(ValueError, match="what --auto plans for; give --auto, too"):
        TrainCommand(cases=tiny_cases, output=tmp_path, device_memory=8.0)


@pytest.mark.parametrize("halvings", [(3, 3, 3), (1, 3, 3), (3, 3)])
@pytest.mark.parametrize("network", ["resunet", "unet"])
@pytest.mark.parametrize("beside", ["none", "scales"])
def test_weights_are_counted_as_they_are_built(network, beside, halvings):
    ndim, outputs = len(halvings), 4 if beside == "scales" else 1
    form = NetworkForm(network, ndim, 2, outputs if network == "resunet" else 1, outputs)
    settings = ModelSettings(
        network=network, tasks={"main": "vessels", "auxiliary": beside}, base_channels=8, pooling=halvings
    )
    with torch.device("meta"):
        built = build_network(settings, 2, 3, ndim)
    exact = sum(weight.numel() for weight in built.parameters())
    # Norms, slopes and biases are left out.
    assert exact == pytest.approx(parameters_of(form, NetworkSize(8, halvings)), rel=0.02)
