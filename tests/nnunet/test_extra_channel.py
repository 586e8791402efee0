"""A label map beside nnU-Net's own, through its augmentation."""

import torch

from ramify.nnunet.extra_channel import KeepingLastChannel, without_last_channel


class Regions:
    """As nnU-Net makes them: of the first channel, and all others are gone."""

    def __call__(self, image, segmentation):
        return {"image": image, "segmentation": torch.stack([segmentation[0] >= 1, segmentation[0] == 2])}


def test_regions_are_made_as_without_it_and_the_map_stays():
    labels = torch.tensor([[[0, 1], [2, 1]], [[0, 3], [1, 2]]], dtype=torch.int16)
    image = torch.rand(1, 2, 2)
    done = KeepingLastChannel(Regions())(image=image, segmentation=labels)
    assert torch.equal(done["segmentation"][:2].bool(), Regions()(image, labels)["segmentation"])
    assert torch.equal(done["segmentation"][2], labels[1])
    assert done["segmentation"].dtype == torch.int16
    assert done["image"] is image


def test_a_target_is_parted_as_nnunet_would_have_it():
    target = torch.tensor([[[[1, 0]], [[0, 1]], [[3, 2]]]], dtype=torch.int16)
    own, beside = without_last_channel(target, regions=True)
    assert own.dtype == torch.bool
    assert own.tolist() == [[[[True, False]], [[False, True]]]]
    assert beside.tolist() == [[[3, 2]]]
    own, _ = without_last_channel(target, regions=False)
    assert torch.equal(own, target[:, :2])
