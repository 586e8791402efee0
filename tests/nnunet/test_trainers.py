"""Ramify's trainers inside nnU-Net: planned, trained, validated, resumed, and predicted with by nnU-Net alone."""

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ramify.data.files import read_volume
from ramify.vessels.scale_settings import ScaleSettings
from tests.nnunet.tiny_data import CASES, NAMES
from tests.nnunet.training import TRAINERS, TRAINERS_VARIABLE, results_of, trained, trainer_of

# nnU-Net and what it stands on warn of themselves.
pytestmark = pytest.mark.filterwarnings("default")
EVERY = [("nnUNetTrainer", form) for form in NAMES] + [(name, form) for name in TRAINERS for form in NAMES]


@pytest.mark.parametrize(("name", "form"), EVERY)
def test_every_trainer_trains_and_validates_on_every_form_of_labels(name, form, nnunet):
    trainer = trained(form, name)
    losses = np.array([trainer.logger.get_value(key, step=None) for key in ("train_losses", "val_losses")])
    assert losses.shape == (2, 2)
    assert np.isfinite(losses).all()
    fold = results_of(nnunet, form, name) / "fold_0"
    assert read_volume(fold / "validation" / f"{CASES[3]}.nii.gz").shape == (32, 32, 32)
    assert 0.0 <= json.loads((fold / "validation" / "summary.json").read_text())["foreground_mean"]["Dice"] <= 1.0


@pytest.mark.parametrize("name", ["RamifySkeletonRecall", "RamifyScales", "RamifyCbDice"])
def test_slices_are_trained_on_too(name, nnunet):
    trained("classes", name, "2d")
    assert (results_of(nnunet, "classes", name, "2d") / "fold_0" / "validation" / f"{CASES[3]}.nii.gz").is_file()


def batch_of(trainer, part):
    """A batch of the training or of the validation cases."""
    if trainer.dataloader_train is None:
        trainer.on_train_start()
    return next(trainer.dataloader_train if part == "train" else trainer.dataloader_val)


@pytest.mark.parametrize(("name", "values"), [("RamifyScales", {0, 1, 2, 3}), ("RamifySkeletonRecall", {0, 1})])
def test_training_has_the_map_beside_the_labels_and_validation_has_not(name, values, nnunet):
    for form, channels in (("classes", 1), ("regions", 3)):
        trainer = trainer_of(form, name)
        seen = set()
        for _ in range(4):
            target = batch_of(trainer, "train")["target"]
            assert [level.shape[1] for level in target] == [channels + 1] * 2
            own, beside = target[0][:, :-1], target[0][:, -1]
            # Interpolated with the labels, it differs from them in rims alone.
            vessel = own[:, 0] > 0
            assert ((beside > 0) & ~vessel).sum() <= 0.1 * (beside > 0).sum()
            seen |= set(beside.unique().tolist())
        assert seen <= values
        assert {0, 1} <= seen
        assert [level.shape[1] for level in batch_of(trainer, "val")["target"]] == [channels] * 2


def cached(trainer, kind):
    (folder,) = Path(trainer.preprocessed_dataset_folder_base).glob(
        f"{trainer.configuration_manager.data_identifier}_ramify_{kind}_*"
    )
    return folder


def test_maps_are_made_once_a_case_and_anew_where_its_labels_change(nnunet):
    trainer = trainer_of("binary", "RamifyScales")
    trainer.initialize()
    trainer.get_tr_and_val_datasets()
    folder = cached(trainer, "scales")
    files = sorted(folder.iterdir())
    assert [path.name for path in files] == sorted(f"{case}.{end}" for case in CASES[:3] for end in ("b2nd", "json"))
    record = json.loads((folder / f"{CASES[0]}.json").read_text())
    assert len(record["thresholds_mm"]) == 2
    times = {path: path.stat().st_mtime_ns for path in files}

    trainer.get_tr_and_val_datasets()
    assert {path: path.stat().st_mtime_ns for path in files} == times
    truth = Path(trainer.preprocessed_dataset_folder_base) / "gt_segmentations" / f"{CASES[1]}.nii.gz"
    shutil.copy(truth.with_name(f"{CASES[2]}.nii.gz"), truth)
    trainer.get_tr_and_val_datasets()
    changed = {path.name for path in files if path.stat().st_mtime_ns != times[path]}
    assert changed == {f"{CASES[1]}.b2nd", f"{CASES[1]}.json"}
    # nnU-Net takes what lies in its own folder for cases.
    assert sorted(trainer.dataset_class.get_identifiers(trainer.preprocessed_dataset_folder)) == list(CASES)

    trainer.scales = ScaleSettings(quantiles=(0.5,))
    trainer.get_tr_and_val_datasets()
    assert len(list(folder.parent.glob("*_ramify_scales_*"))) == 2


def test_a_checkpoint_of_the_scales_is_nnunets_plain_network_and_predicts_without_ramify(nnunet, monkeypatch, tmp_path):
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor, predict_entry_point

    trainer = trained("binary", "RamifyScales")
    results = results_of(nnunet, "binary", "RamifyScales")
    checkpoint = torch.load(results / "fold_0" / "checkpoint_final.pth", weights_only=False)
    assert checkpoint["trainer_name"] == "nnUNetTrainer"
    assert not [name for name in checkpoint["network_weights"] if "beside" in name]

    monkeypatch.delenv(TRAINERS_VARIABLE)
    predictor = nnUNetPredictor(device=torch.device("cpu"), perform_everything_on_device=False)
    predictor.initialize_from_trained_model_folder(str(results), (0,))
    plain = predictor.network
    plain.load_state_dict(predictor.list_of_parameters[0])
    trainer.set_deep_supervision_enabled(False)
    image = torch.randn(1, 1, 32, 32, 32)
    with torch.no_grad():
        assert torch.equal(trainer.network.eval()(image), plain.eval()(image))

    words = [
        "-i",
        nnunet / "nnUNet_raw" / NAMES["binary"] / "imagesTs",
        "-o",
        tmp_path,
        "-d",
        "901",
        "-tr",
        "RamifyScales",
    ]
    words += ["-c", "3d_fullres", "-f", "0", "-device", "cpu", "-npp", "1", "-nps", "1"]
    monkeypatch.setattr(sys, "argv", ["nnUNetv2_predict", *map(os.fspath, words)])
    predict_entry_point()
    predicted, validated = (
        read_volume(folder / f"{CASES[3]}.nii.gz") for folder in (tmp_path, results / "fold_0" / "validation")
    )
    assert np.array_equal(predicted.array, validated.array)


def weights_of(trainer):
    return {**trainer.network.state_dict(), **trainer.network.beside.state_dict()}


def test_a_resumed_training_has_all_its_weights_and_its_momentum(nnunet):
    first = trainer_of("classes", "RamifyScales", epochs=1)
    first.run_training()
    resumed = trainer_of("classes", "RamifyScales", resume=True)
    file = os.path.join(first.output_folder, "checkpoint_final.pth")
    resumed.load_checkpoint(file)
    there, here = weights_of(first), weights_of(resumed)
    assert there.keys() == here.keys()
    assert all(torch.equal(there[name], here[name]) for name in there)
    states = (each.optimizer.state_dict()["state"] for each in (first, resumed))
    momenta = [[state["momentum_buffer"] for state in its.values()] for its in states]
    # All weights have some but those of the coarsest logits, of four decoders, which nnU-Net does not teach.
    assert len(momenta[0]) == len(list(first.network.parameters())) - 8
    assert all(torch.equal(one, other) for one, other in zip(*momenta, strict=True))
    assert torch.equal(first.loss.generator.get_state(), resumed.loss.generator.get_state())
    assert resumed.current_epoch == 1
    resumed.run_training()
    assert resumed.current_epoch == 2
    assert not all(torch.equal(there[name], value) for name, value in weights_of(resumed).items())


def test_a_checkpoint_of_another_trainer_is_told_and_lends_its_weights(nnunet):
    from nnunetv2.run.load_pretrained_weights import load_pretrained_weights

    plain = trainer_of("classes", "nnUNetTrainer", epochs=1)
    plain.run_training()
    file = os.path.join(plain.output_folder, "checkpoint_final.pth")
    trainer = trainer_of("classes", "RamifyScales")
    with pytest.raises(ValueError, match="written by nnUNetTrainer, without decoders of scales; begin a training from"):
        trainer.load_checkpoint(file)
    trainer = trainer_of("classes", "RamifyScales")
    trainer.initialize()
    load_pretrained_weights(trainer.network, file)
    own = plain.network.state_dict()
    lent = {name for name, value in trainer.network.state_dict().items() if torch.equal(value, own[name])}
    assert {name for name in own if "seg_layers" not in name} <= lent


def test_nnunet_chooses_among_trainers(nnunet):
    from nnunetv2.evaluation.find_best_configuration import find_best_configuration

    names = ("nnUNetTrainer", "RamifyScales")
    for name in names:
        if not (results_of(nnunet, "classes", name) / "fold_0" / "validation" / "summary.json").is_file():
            trained("classes", name)
    models = tuple({"plans": "nnUNetPlans", "configuration": "3d_fullres", "trainer": name} for name in names)
    chosen = find_best_configuration(902, models, allow_ensembling=False, num_processes=1, folds=(0,))
    (best,) = chosen["best_model_or_ensemble"]["selected_model_or_models"]
    assert best["trainer"] in names


def test_recall_is_over_the_batch_where_the_plans_have_dice_so(nnunet):
    trainer = trainer_of("classes", "RamifySkeletonRecall")
    for batch_dice in (True, False):
        trainer.configuration_manager.configuration["batch_dice"] = batch_dice
        loss = trainer._build_loss()
        assert getattr(loss, "loss", loss).added.over_batch is batch_dice


@pytest.mark.parametrize("name", ["RamifyScales", "RamifySkeletonRecall"])
def test_a_second_stage_of_a_cascade_is_refused_in_a_line(name, nnunet):
    trainer = trainer_of("binary", name)
    trainer.is_cascaded = True
    with pytest.raises(ValueError, match=f"{name}: configuration 3d_fullres is the second stage of a cascade"):
        trainer.initialize()


def test_vessels_are_named_by_a_subclass_in_a_folder_of_ones_own(nnunet, monkeypatch, tmp_path):
    code = (
        "from ramify.nnunet import RamifyScales\n\n\nclass HepaticScales(RamifyScales):\n    vessels = ('hepatic',)\n"
    )
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    monkeypatch.setenv(TRAINERS_VARIABLE, os.pathsep.join([os.environ[TRAINERS_VARIABLE], str(tmp_path)]))
    trainer = trainer_of("classes", "HepaticScales")
    target = batch_of(trainer, "train")["target"][0]
    assert target[:, 1].any()
    assert not target[:, 1][target[:, 0] == 1].any()
    trainer.vessels = ("artery",)
    with pytest.raises(ValueError, match="vessels: the data set has no label 'artery'; it has portal, hepatic"):
        trainer.get_tr_and_val_datasets()
