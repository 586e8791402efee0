"""Every setting of a training; one room below says what each section means."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from ramify.appearance.settings import PaintingSettings
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.loading_settings import LoadingSettings
from ramify.essential import Essential
from ramify.losses.settings import LossSettings
from ramify.models.settings import ModelSettings
from ramify.training.inference_settings import InferenceSettings
from ramify.training.names import DeviceName, OptimiserName, PrecisionName, ScheduleName

FREE_SETTINGS = frozenset(
    {
        "cases",
        "output",
        "splits",
        "fold_count",
        "device",
        "resume",
        "replace",
        "verify",
        "loading.workers",
        "train.checkpoint_minutes",
        "validation.figures_every",
        "validation.masks",
    }
)
"""Settings by dotted keys that say where, how fast and how visibly a training runs, and not what it is: two trainings
that differ in them alone are the same. The cases and how they are parted are compared by themselves."""


class TrainSettings(BaseModel, frozen=True, extra="forbid"):
    """How the weights are found. Defaults: Sadikine et al. 2023, section 3.2."""

    epochs: Essential[int] = Field(2000, ge=1)
    """Passes over the training samples."""
    optimiser: OptimiserName = "adamw"
    """How the gradient moves the weights: by AdamW, or by stochastic gradient descent with Nesterov's momentum, which
    asks for a learning rate some thirty times as large."""
    learning_rate: Essential[float] = Field(3e-4, gt=0)
    """Step size of the optimiser at the start."""
    momentum: float = Field(0.99, ge=0, lt=1)
    """Of sgd: the share of the last update that stays in the next one."""
    weight_decay: float = Field(0.0, ge=0)
    """Decay of the kernels of convolutions and linear layers, never of norms, biases and PReLU slopes: decoupled from
    the gradient by adamw, added to it by sgd."""
    warm_up_epochs: int = Field(0, ge=0)
    """Epochs over which the learning rate first rises from 0, with each update."""
    schedule: ScheduleName = "constant"
    """How the learning rate falls over the epochs after them: not at all, as half a cosine, or as (1 - t)^0.9."""
    gradient_clip: float | None = Field(12.0, gt=0)
    """Largest norm of the gradient, larger ones are scaled down to it; none switches it off."""
    accumulate: int = Field(1, ge=1)
    """Batches whose mean gradient makes one update: as large a batch in the memory of a small one."""
    average: float | None = Field(None, gt=0, lt=1)
    """Decay of a running mean of the weights over the updates (0.999), which is what is validated, kept as the
    network and predicted with; none has no mean."""
    precision: PrecisionName = "auto"
    """Of the network's arithmetic; auto: bfloat16 on CUDA where the GPU has it (else float16), else float32."""
    compile: bool = False
    """Let torch.compile make one program of the network: minutes at the start, for faster steps; it needs a C++
    compiler, and rounds otherwise."""
    deterministic: bool = False
    """Only algorithms with the same result every time; on the CPU they have it anyway."""
    augment: bool = True
    """Whether training samples are augmented."""
    sync_batch_norm: bool = True
    """In a distributed training: batch norm over the batch of all processes, as one process would have it."""
    checkpoint_minutes: float | None = Field(10.0, gt=0)
    """Most minutes between two writes of checkpoints/latest.pt, amid an epoch too; none: at the end of each alone."""
    gradients_every: int = Field(0, ge=0)
    """Steps between looks at the gradient of each loss term (a backward pass a term); 0 never looks."""
    freeze: tuple[str, ...] = ()
    """Parts of the network that stay as they are for the first freeze_epochs, such as encoder; docs/training.md."""
    freeze_epochs: int = Field(0, ge=0)
    """Epochs for which the parts of freeze stay as they are; then they train as all others."""

    @model_validator(mode="after")
    def _freezes_something_for_some_time(self) -> Self:
        if self.freeze and not self.freeze_epochs:
            raise ValueError(f"freeze: {', '.join(self.freeze)} for no epoch; give freeze_epochs too, or leave it out")
        if self.freeze_epochs and not self.freeze:
            raise ValueError("freeze_epochs: nothing to freeze; give freeze too, such as encoder, or leave it out")
        if self.freeze_epochs > self.epochs:
            raise ValueError(
                f"freeze_epochs: expected at most the {self.epochs} epochs of the training, got {self.freeze_epochs}"
            )
        return self

    @model_validator(mode="after")
    def _warms_up_to_something(self) -> Self:
        if self.warm_up_epochs and self.warm_up_epochs >= self.epochs:
            raise ValueError(
                f"warm_up_epochs: expected fewer than the {self.epochs} epochs of the training, got "
                f"{self.warm_up_epochs}"
            )
        return self


class ValidationSettings(BaseModel, frozen=True, extra="forbid"):
    """How a training is watched."""

    every: int = Field(10, ge=1)
    """Epochs between validations; the last epoch always has one."""
    figures_every: int = Field(50, ge=1)
    """Epochs between pictures and precision-recall curves, shown at the next validation."""
    masks: bool = False
    """Write the masks of the last validation on the grids of the images, in the run folder's validation/."""
    best_by: Literal["dice", "cldice"] = "dice"
    """The validation measure that chooses the checkpoint `best`."""
    patience: int | None = Field(None, ge=1)
    """So many validations in a row without a better one end a training before its last epoch; none never does."""


class RunSettings(BaseModel, frozen=True, extra="forbid"):
    """One training of one fold."""

    cases: Path
    """Folder of prepared cases (the output of preprocess.py)."""
    output: Path
    """Folder of the run; each fold gets a folder fold_N in it."""
    fold: Essential[Annotated[int, Field(ge=0)] | Literal["all"]] = 0
    """Which fold of the splits is held out for validation; all trains and validates on every case, to see a network
    overfit."""
    splits: Path | None = None
    """Splits in nnU-Net's form; none takes splits_final.json of the cases."""
    fold_count: int = Field(5, ge=2)
    """Folds to part the cases into by patient, where there are no splits yet; then splits_final.json holds."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Of initialisation, shuffling, patches, augmentation and anchors."""
    start_from: Essential[Path | None] = None
    """Begin with another training's weights, those of them that fit: its fold's folder, its run's with one fold (the
    best weights), or a .pt file; docs/training.md."""
    device: Essential[DeviceName] = "auto"
    """Where to compute; auto takes CUDA, then MPS, then the CPU."""
    resume: Essential[bool] = False
    """Go on from the latest checkpoint of this output; without one, start."""
    verify: bool = False
    """Read every byte of the fold's prepared cases against their records before training; otherwise large arrays are
    looked at in samples."""
    replace: bool = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""
    model: ModelSettings = ModelSettings()
    loading: LoadingSettings = LoadingSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    appearance: PaintingSettings = PaintingSettings()
    loss: LossSettings = LossSettings()
    train: TrainSettings = TrainSettings()
    validation: ValidationSettings = ValidationSettings()
    inference: InferenceSettings = InferenceSettings()

    @model_validator(mode="after")
    def _has_decoders_to_take_turns(self) -> Self:
        if self.loss.in_turn and self.model.family != "resunet" and self.model.tasks.auxiliary != "none":
            raise ValueError(
                f"loss.in_turn: network {self.model.network} has one decoder for all tasks, and nothing is saved; take "
                "model.network resunet, or loss.in_turn false"
            )
        return self

    def decisive(self) -> dict[str, Any]:
        """All but the FREE_SETTINGS, as plain data by dotted keys, two deep: what lies deeper is one value."""
        found: dict[str, Any] = {}
        for name, value in self.model_dump(mode="json").items():
            parts = value.items() if isinstance(value, dict) else ()
            inner = {f"{name}.{key}": part for key, part in parts} or {name: value}
            found |= {key: part for key, part in inner.items() if key not in FREE_SETTINGS}
        return found


class TrainCommand(RunSettings, frozen=True, extra="forbid"):
    """A training, or a look at it."""

    auto: Essential[bool] = False
    """Choose patch, batch, levels, pooling and channels for the cases and the machine; what a file or a flag gives
    stays as it is (docs/planning.md)."""
    device_memory: Essential[float | None] = Field(None, gt=0)
    """GB of memory that auto plans for: of a GPU, or with device cpu of a training there; a dry run then measures
    nothing but on a CPU. None takes this machine's."""

    dry_run: Essential[bool] = False
    """Say what the training is going to be, measure some of its steps and a validation case, and write nothing."""

    @model_validator(mode="after")
    def _plans_with_it(self) -> Self:
        if self.device_memory is not None and not self.auto:
            raise ValueError("device_memory: what --auto plans for; give --auto, too, or leave it out")
        return self

    def training(self) -> RunSettings:
        """The settings of the training itself."""
        return RunSettings.model_construct(**{name: getattr(self, name) for name in RunSettings.model_fields})
