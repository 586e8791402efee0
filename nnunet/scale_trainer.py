"""The method of Sadikine et al. 2023 on nnU-Net's plans and network, as a trainer of nnU-Net's."""

from typing import Any, cast

import torch
from torch import nn
from torch._dynamo import OptimizedModule
from torch.distributed import get_world_size
from torch.nn.parallel import DistributedDataParallel

from ramify.nnunet.base_trainer import OWN_KEY
from ramify.nnunet.case_cache import ScaleMaps
from ramify.nnunet.case_map_trainer import CaseMapTrainer
from ramify.nnunet.scale_network import ScaleNetwork
from ramify.nnunet.scale_objective import ScaleObjective, settings_of
from ramify.vessels.scale_settings import ScaleSettings


class RamifyScales(CaseMapTrainer):
    """nnU-Net with one auxiliary decoder a scale of the vessels, and a contrast between scales.

    The encoder is taught by nnU-Net's own task and by the scales that the vessels of each case are taken apart into;
    the decoders of the scales and the projection head of the contrast (`head: shared` of docs/contrast.md) are left
    out of what a checkpoint offers nnU-Net: it predicts with the network of the plans alone.

    Other settings are a subclass of a few lines, in a folder of one's own (docs/nnunet.md).

    Attributes:
        scales: how vessels are taken apart, and into how many scales.
        scale_weights: λ of each scale's loss, smallest vessels first; one holds for all.
        contrast_weight: λ of the contrast; 0 turns it off.
        temperature: τ of the contrast.
        contrast_level: level of the encoder whose features are contrasted, 0 being full resolution.
        near_background: up to so many positions from a vessel, background is a class of the contrast; 0: it is none.
    """

    scales: ScaleSettings = ScaleSettings()
    scale_weights: tuple[float, ...] = (0.78, 0.48, 0.54)
    contrast_weight: float = 0.1
    temperature: float = 0.3
    contrast_level: int = 1
    near_background: int = 2

    def case_maps(self, trees: tuple[tuple[int, ...], ...]) -> ScaleMaps:
        return ScaleMaps(trees, self.scales)

    def initialize(self) -> None:
        if self.is_ddp and self.configuration_manager.batch_size % get_world_size():
            raise ValueError(
                f"{type(self).__name__}: a batch of {self.configuration_manager.batch_size} cannot be shared alike by "
                f"{get_world_size()} processes; set batch_size in the plans to a multiple, or take another number"
            )
        # In the instance alone: nnU-Net predicts with what it builds from the class.
        self.build_network_architecture = self._build_for_training
        super().initialize()

    def _build_for_training(
        self,
        plans_manager: Any,
        configuration_manager: Any,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = True,
    ) -> nn.Module:
        plain = type(self).build_network_architecture(  # type: ignore[misc]
            plans_manager, configuration_manager, num_input_channels, num_output_channels, enable_deep_supervision
        )
        return ScaleNetwork(plain, self.scales.n_scales, self.contrast_level if self.contrast_weight else None)

    def _build_loss(self) -> nn.Module:
        own = super()._build_loss()
        over_batch = self.configuration_manager.batch_dice
        settings = settings_of(
            self.scale_weights, self.contrast_weight, self.temperature, self.near_background, over_batch=over_batch
        )
        return ScaleObjective(
            own,
            settings,
            self.scales.n_scales,
            level_weights=getattr(own, "weight_factors", (1.0,)),
            regions=self.label_manager.has_regions,
            ignore_label=self.label_manager.ignore_label,
        )

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        super().set_deep_supervision_enabled(enabled)
        self._scale_network.supervise_deeply(enabled)

    @property
    def _scale_network(self) -> ScaleNetwork:
        """The network without what trains it in parallel or compiled it."""
        network = self.network.module if isinstance(self.network, DistributedDataParallel) else self.network
        bare: Any = network._orig_mod if isinstance(network, OptimizedModule) else network
        return cast(ScaleNetwork, bare)

    def own_state(self) -> dict[str, Any]:
        beside, anchors = self._scale_network.beside.state_dict(), self.loss.generator.get_state()
        return {**super().own_state(), "beside": beside, "anchors": anchors}

    def load_checkpoint(self, filename_or_checkpoint: Any) -> None:
        checkpoint = torch.load(filename_or_checkpoint, map_location="cpu", weights_only=False)
        own = checkpoint.get(OWN_KEY, {})
        if "beside" not in own:
            raise ValueError(
                f"{filename_or_checkpoint}: written by {own.get('trainer', checkpoint['trainer_name'])}, without "
                "decoders of scales; begin a training from it with -pretrained_weights"
            )
        super().load_checkpoint(filename_or_checkpoint)
        self._scale_network.beside.load_state_dict(own["beside"])
        self.loss.generator.set_state(own["anchors"])
