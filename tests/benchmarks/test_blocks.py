"""The scales that are left in blocks, by hand on a few voxels."""

from typing import Any

import numpy as np
import pytest

from benchmarks import blocks
from ramify.data.case_store import write_case


def test_the_shares_of_a_few_blocks(tmp_path, capsys):
    scales = np.zeros((8, 8), np.uint8)
    # Blocks of two voxels a side along the top row: one of both scales and mostly small, one mostly large, one of each.
    scales[:2] = [[1, 1, 1, 2, 1, 0, 2, 2], [1, 2, 0, 2, 0, 0, 0, 0]]
    record: dict[str, Any] = {"shape": [8, 8], "spacing_mm": [1.0, 1.0], "scales": {"thresholds_mm": [1.0]}}
    write_case(tmp_path, "case", {"image": scales.astype(np.float32)[None], "scales": scales}, record)
    kept = {rule: its.tolist() for rule, its in blocks.shares_kept(tmp_path, 2, 2).items()}
    assert kept == {
        "largest label": pytest.approx([1 / 3, 1]),
        "smallest label": pytest.approx([1, 1 / 3]),
        "that of most vessel voxels": pytest.approx([2 / 3, 2 / 3]),
        "each mask by itself": [1, 1],
    }
    blocks.main(["--cases", str(tmp_path)])
    assert len(capsys.readouterr().out.splitlines()) == 1 + 3 * 4
