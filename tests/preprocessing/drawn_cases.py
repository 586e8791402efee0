"""Small raw cases drawn by hand."""

import dataclasses

import numpy as np

from ramify.data.raw_case import RawCase
from ramify.data.volume import Volume
from ramify.tasks.class_table import IGNORED, ClassTable

SPACING_MM = (2.0, 1.0, 1.0)


def bars_in_a_box(case_id="case_1", ndim=3, with_organ=True, spacing_mm=SPACING_MM):
    """Three bars of different width in a box-shaped organ, and a fourth outside of it; brighter than the organ."""
    shape = (24, 40, 44)[-ndim:]
    spacing = spacing_mm[-ndim:]
    organ = np.zeros(shape, bool)
    organ[(slice(4, 20),) * (ndim - 2) + (slice(5, 35), slice(6, 40))] = True
    thin, middle, thick, outside = (np.zeros(shape, bool) for _ in range(4))
    for bar, start, stop in ((thin, 8, 9), (middle, 14, 17), (thick, 24, 30), (outside, 0, 3)):
        depth = stop - start
        bar[(slice(10, 10 + max(1, depth // 2)),) * (ndim - 2) + (slice(start, stop), slice(8, 38))] = True
    noise = np.random.default_rng(0).normal(0, 5, shape)
    vessels = thin | middle | thick | outside
    image = (np.where(organ, 100, -50) + 80 * vessels + noise).astype(np.float32)
    volume = Volume(image, spacing, (10.0, -20.0, 30.0)[-ndim:])
    return RawCase(
        case_id=case_id,
        patient_id=f"patient of {case_id}",
        images={"image": volume},
        organ=volume.with_array(organ) if with_organ else None,
        vessels=volume.with_array(vessels),
        structures={"portalvein": volume.with_array(thin | thick), "venoussystem": volume.with_array(middle | outside)},
        provenance={"adapter": "drawn"},
    )


TREES = ClassTable.model_validate({"classes": {"portal": 1, "hepatic": 2}, "ignore": 9})


def classes_in_a_box(ndim=3):
    """The bars as two classes, and a corner of the organ that nobody labelled."""
    raw = bars_in_a_box(ndim=ndim)
    classes = np.zeros(raw.image.shape, np.uint8)
    for number, name in enumerate(("portalvein", "venoussystem"), 1):
        classes[raw.structures[name].array] = number
    classes[..., 30:35, 8:14] = IGNORED
    return dataclasses.replace(raw, classes=raw.image.with_array(classes), table=TREES)
