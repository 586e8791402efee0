"""Cases that cannot be evaluated for one reason are one line and their names."""

import numpy as np

from ramify import evaluate
from ramify.data.files import write_volume
from ramify.data.volume import Volume


def test_label_maps_where_masks_are_expected(tmp_path, capsys):
    labels = Volume(np.array([[[0, 1, 2, 2]]], np.uint8), (1.0, 1.0, 1.0))
    for case in ("p0", "p1", "p2"):
        for folder in ("found", "truth"):
            write_volume(tmp_path / folder / f"{case}.nii.gz", labels)
    words = ["--prediction", str(tmp_path / "found"), "--truth", str(tmp_path / "truth"), "--measures", "overlap"]
    assert evaluate.main([*words, "--output", str(tmp_path / "scores")]) == 1
    first, others = [line for line in capsys.readouterr().err.splitlines() if line.startswith("failed: ")]
    assert first.startswith("failed: p0: ")
    assert "2 different labels (1, 2) where one mask is expected" in first
    assert others == "failed: p1, p2: as p0, above"
