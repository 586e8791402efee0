"""Names by which settings choose: device, precision, schedule, optimiser, checkpoint, axes, smoothing."""

from typing import Literal

from pydantic import PositiveFloat

DeviceName = Literal["auto", "cpu", "cuda", "mps"]

PrecisionName = Literal["auto", "float32", "bfloat16", "float16"]

ScheduleName = Literal["constant", "cosine", "polynomial"]

OptimiserName = Literal["adamw", "sgd"]

CheckpointName = Literal["latest", "best", "final"]

AxisName = Literal["z", "y", "x"]

NoiseSetting = Literal["auto", "off"] | PositiveFloat
"""auto: smoothed as far as the network needs it, where it says what it knows; off; or a Gaussian's mm."""
