"""Names by which settings choose: where to compute, in which precision, by which optimiser, with which checkpoint."""

from typing import Literal

DeviceName = Literal["auto", "cpu", "cuda", "mps"]

PrecisionName = Literal["auto", "float32", "bfloat16", "float16"]

ScheduleName = Literal["constant", "cosine", "polynomial"]

OptimiserName = Literal["adamw", "sgd"]

CheckpointName = Literal["latest", "best", "final"]

AxisName = Literal["z", "y", "x"]
