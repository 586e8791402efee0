"""How a trained network is run over a volume, and what a prediction changes of it."""

from pydantic import BaseModel, Field


class InferenceSettings(BaseModel, frozen=True, extra="forbid"):
    """How a trained network is run over a volume."""

    window: tuple[int, ...] | None = None
    """Voxels (z y x) of the sliding window; none takes the patch size of the training, or the whole volume."""
    overlap: float = Field(0.5, ge=0, lt=1)
    """Share of a window that the next one covers again; windows are blended with Gaussian weights."""
    windows_at_once: int = Field(2, ge=1)
    """Windows computed together."""


class InferenceOverrides(BaseModel, frozen=True, extra="forbid"):
    """What a prediction changes of the training's `InferenceSettings`; none keeps it."""

    window: tuple[int, ...] | None = None
    """Voxels (z y x) of the sliding window."""
    overlap: float | None = Field(None, ge=0, lt=1)
    """Share of a window that the next one covers again."""
    windows_at_once: int | None = Field(None, ge=1)
    """Windows computed together."""

    def over(self, settings: InferenceSettings) -> InferenceSettings:
        """The settings with what is changed."""
        return settings.model_copy(update=self.model_dump(exclude_none=True))
