"""SimpleITK's images and volumes: the same voxels in the same places, axes turned around."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from ramify.data.itk import image_to_volume, volume_to_image
from ramify.data.volume import Volume


@pytest.mark.parametrize("code", ["LPS", "RAS", "PSR", "SLP"])
def test_a_place_in_the_patient_is_that_of_simpleitk(code):
    drawn = sitk.GetImageFromArray(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    drawn.SetSpacing((0.5, 0.75, 3.0))
    drawn.SetOrigin((10.0, -20.0, 30.0))
    image = sitk.DICOMOrient(drawn, code)
    volume = image_to_volume(image, sitk.GetArrayFromImage(image), Path("x"), image.GetSpacing()[::-1])
    index = (1, 1, 0)
    there = image.TransformIndexToPhysicalPoint(index[::-1])
    np.testing.assert_allclose(volume.world_mm([index])[0], there[::-1])
    again = volume_to_image(volume)
    assert again.GetDirection() == image.GetDirection()
    assert again.GetOrigin() == image.GetOrigin()


def test_what_is_no_place_names_the_file():
    image = sitk.GetImageFromArray(np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match=r"^ct\.mha: "):
        image_to_volume(image, np.zeros((2, 2, 2)), Path("ct.mha"), (1.0, 1.0, 0.0))


def test_a_mask_becomes_bytes():
    assert volume_to_image(Volume(np.ones((2, 2, 2), bool), (1, 1, 1))).GetPixelID() == sitk.sitkUInt8
