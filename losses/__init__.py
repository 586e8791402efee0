"""Losses: pure functions of tensors, modules over them for any training script, and the sum that training minimises."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.losses.anchor_settings import AnchorSettings
    from ramify.losses.anchors import sample_anchors
    from ramify.losses.betti_matching import betti_matching_loss
    from ramify.losses.boundary import boundary_loss, signed_distance
    from ramify.losses.cbdice import cbdice_loss
    from ramify.losses.centreline_cross_entropy import centreline_cross_entropy_loss
    from ramify.losses.constant_contrast import contrast_floor
    from ramify.losses.contrastive import contrastive_loss
    from ramify.losses.cross_entropy import balanced_weight, binary_cross_entropy, categorical_cross_entropy
    from ramify.losses.dice import dice_loss
    from ramify.losses.generalised_dice import generalised_dice_loss
    from ramify.losses.memory_bank import MemoryBank
    from ramify.losses.modules.base import SegmentationLoss
    from ramify.losses.modules.centreline import (
        CbDice,
        CentrelineCrossEntropy,
        DiceSoftClDice,
        SkeletonRecall,
        SoftClDice,
        TopoClDice,
    )
    from ramify.losses.modules.contrast import Contrast
    from ramify.losses.modules.overlap import Dice, DiceCrossEntropy, GeneralisedDice, Tversky
    from ramify.losses.modules.topology import (
        BettiMatching,
        Boundary,
        Perceptual,
        PersistentHomology,
        Topograph,
        Warping,
    )
    from ramify.losses.perceptual import perceptual_loss
    from ramify.losses.persistent_homology import persistent_homology_loss
    from ramify.losses.scale_balance import balanced_over_scales
    from ramify.losses.settings import LossSettings
    from ramify.losses.shared_anchors import sample_shared_anchors
    from ramify.losses.skeleton_recall import skeleton_recall_loss
    from ramify.losses.soft_cldice import dice_soft_cldice_loss, soft_cldice_loss
    from ramify.losses.soft_skeletonisation import soft_skeleton
    from ramify.losses.term_settings import (
        BettiMatchingSettings,
        BoundarySettings,
        CbDiceSettings,
        CentrelineCrossEntropySettings,
        DiceSettings,
        DiceSoftClDiceSettings,
        GeneralisedDiceSettings,
        PerceptualSettings,
        PersistentHomologySettings,
        SkeletonRecallSettings,
        SoftClDiceSettings,
        TopoClDiceSettings,
        TopographSettings,
        TverskySettings,
        WarpingSettings,
    )
    from ramify.losses.topo_cldice import topo_cldice_loss
    from ramify.losses.topograph import topograph_loss
    from ramify.losses.topological_thinning import binary_skeleton, topological_skeleton
    from ramify.losses.total import TotalLoss
    from ramify.losses.truth import Truth
    from ramify.losses.tversky import tversky_loss
    from ramify.losses.value_checks import without_value_checks
    from ramify.losses.warping import critical_voxels, warping_loss
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = [
    "AnchorSettings",
    "BettiMatching",
    "BettiMatchingSettings",
    "Boundary",
    "BoundarySettings",
    "CbDice",
    "CbDiceSettings",
    "CentrelineCrossEntropy",
    "CentrelineCrossEntropySettings",
    "Contrast",
    "Dice",
    "DiceCrossEntropy",
    "DiceSettings",
    "DiceSoftClDice",
    "DiceSoftClDiceSettings",
    "GeneralisedDice",
    "GeneralisedDiceSettings",
    "LossSettings",
    "MemoryBank",
    "Perceptual",
    "PerceptualSettings",
    "PersistentHomology",
    "PersistentHomologySettings",
    "SegmentationLoss",
    "SkeletonRecall",
    "SkeletonRecallSettings",
    "SoftClDice",
    "SoftClDiceSettings",
    "TopoClDice",
    "TopoClDiceSettings",
    "Topograph",
    "TopographSettings",
    "TotalLoss",
    "Truth",
    "Tversky",
    "TverskySettings",
    "Warping",
    "WarpingSettings",
    "balanced_over_scales",
    "balanced_weight",
    "betti_matching_loss",
    "binary_cross_entropy",
    "binary_skeleton",
    "boundary_loss",
    "categorical_cross_entropy",
    "cbdice_loss",
    "centreline_cross_entropy_loss",
    "contrast_floor",
    "contrastive_loss",
    "critical_voxels",
    "dice_loss",
    "dice_soft_cldice_loss",
    "generalised_dice_loss",
    "perceptual_loss",
    "persistent_homology_loss",
    "sample_anchors",
    "sample_shared_anchors",
    "signed_distance",
    "skeleton_recall_loss",
    "soft_cldice_loss",
    "soft_skeleton",
    "topo_cldice_loss",
    "topograph_loss",
    "topological_skeleton",
    "tversky_loss",
    "warping_loss",
    "without_value_checks",
]
