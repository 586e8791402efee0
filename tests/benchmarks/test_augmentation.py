"""Augmentation beside other libraries: the table has its rows, and all of a row do the same kind of thing."""

import numpy as np
import pytest

from benchmarks import augmentation, augmentation_figure
from benchmarks.augmentation_peers import GREY, has_batchgenerators, kinds_of, random_patch, whole_of


def test_the_table_has_its_rows(capsys, numbers_of):
    augmentation.main(["--patch", "12", "12", "12", "--rounds", "1", "--samples", "2"])
    lines = capsys.readouterr().out.strip().splitlines()
    rows = {row[:26].rstrip(): numbers_of(row[26:]) for row in lines[2 + (not has_batchgenerators()) :]}
    assert list(rows)[3:] == [*GREY, "all but elastic", "as nnU-Net draws them"]
    assert all(np.isfinite(row).all() for row in rows.values())
    assert all(len(row) == 1 + 2 * (1 + has_batchgenerators()) for name, row in rows.items() if name != "contrast")


def test_some_rows_alone(capsys):
    augmentation.main(["--patch", "8", "8", "8", "--rounds", "1", "--kinds", "gamma", "noise"])
    rows = [row[:26].rstrip() for row in capsys.readouterr().out.strip().splitlines()]
    assert rows[2 + (not has_batchgenerators()) :] == ["noise", "gamma, inverted", "gamma"]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_give_a_window_of_image_and_labels(share):
    patch = random_patch((12, 10, 8), 0)
    before = patch.image.copy(), patch.labels.copy()
    for calls in (whole_of(patch, lambda _: share), kinds_of(patch)["rotation and zoom"]):
        for who, call in calls.items():
            found = call()
            image, labels = (
                found[:2] if who == "ours" else (found["image"], found.get("label", found.get("segmentation")))
            )
            assert tuple(image.shape) == (1, 12, 10, 8)
            assert tuple(labels.shape)[-3:] == (12, 10, 8)
    for kept, now in zip(before, patch, strict=False):
        np.testing.assert_array_equal(kept, now)


def test_the_figure_shows_a_change_of_every_kind(tiny_cases, tmp_path):
    augmentation_figure.main(["--cases", str(tiny_cases), "--output", str(tmp_path / "figure.png")])
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    shown = augmentation_figure.changes().values()
    kinds = {type(grey.change).__name__ for change in shown for grey in change.grey_changes}
    assert kinds == {"Noise", "Blur", "Brightness", "Contrast", "LowResolution", "Gamma"}
