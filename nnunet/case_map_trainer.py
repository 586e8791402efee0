"""A trainer of nnU-Net's whose training samples bring a label map of their case along."""

import os
from pathlib import Path
from typing import Any

import torch.distributed as dist
from batchgeneratorsv2.transforms.utils.seg_to_regions import ConvertSegmentationToRegionsTransform
from nnunetv2.configuration import default_num_processes

from ramify.nnunet.base_trainer import RamifyTrainer
from ramify.nnunet.case_cache import CaseCache, ScaleMaps, TubeMaps
from ramify.nnunet.extra_channel import KeepingLastChannel
from ramify.nnunet.vessel_classes import vessel_classes


class CaseMapTrainer(RamifyTrainer):
    """Makes the maps of the training cases that have none, once each, before the first epoch.

    Training targets have the map as their last channel, moved with the labels by nnU-Net's augmentation. Validation
    steps do not have it.
    """

    def case_maps(self, trees: tuple[tuple[int, ...], ...]) -> ScaleMaps | TubeMaps:
        """Which maps, of these trees."""
        raise NotImplementedError

    def initialize(self) -> None:
        if self.is_cascaded:
            raise ValueError(
                f"{type(self).__name__}: configuration {self.configuration_name} is the second stage of a cascade, "
                "whose first takes the place of what this trainer brings along; train 3d_fullres or 2d"
            )
        super().initialize()

    def case_cache(self) -> CaseCache:
        """Where the maps of the data set's cases are."""
        regions = self.label_manager.has_regions
        trees = vessel_classes(self.dataset_json["labels"], self.vessels, regions=regions).trees
        base = Path(self.preprocessed_dataset_folder_base)
        plans = self.plans_manager.plans
        return CaseCache(self.case_maps(trees), plans, self.configuration_name, self.dataset_json, base)

    def get_tr_and_val_datasets(self) -> tuple[Any, Any]:
        training, validation = super().get_tr_and_val_datasets()
        cache = self.case_cache()
        self._fill(cache, training.identifiers)
        # As a cascade reads what its first stage segmented.
        training.folder_with_segs_from_previous_stage = os.fspath(cache.folder)
        return training, validation

    def _fill(self, cache: CaseCache, case_ids: list[str]) -> None:
        """Make the maps that are missing; in a distributed training each process its share."""
        missing = cache.missing(case_ids)
        if self.is_ddp:
            # Nobody writes before all have seen what is missing.
            dist.barrier()
            missing = missing[dist.get_rank() :: dist.get_world_size()]
        if missing:
            self.print_to_log_file(f"Making the {cache.maps.name} of {len(missing)} cases in {cache.folder}")
        for number, case_id in enumerate(cache.fill(missing, default_num_processes), start=1):
            self.print_to_log_file(f"{number} of {len(missing)}: {case_id}", also_print_to_console=False)
        if self.is_ddp:
            dist.barrier()

    def get_training_transforms(self, *arguments: Any, **named: Any) -> Any:
        # Of the instance, so that those of another trainer are taken where a class has both as bases.
        composed = super().get_training_transforms(*arguments, **named)
        composed.transforms = [
            KeepingLastChannel(each) if isinstance(each, ConvertSegmentationToRegionsTransform) else each
            for each in composed.transforms
        ]
        return composed
