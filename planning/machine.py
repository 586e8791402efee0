"""The machine that a training is planned for: how much memory a step may take, and how many products."""

from typing import NamedTuple

GB = 1e9
GPU_SHARE, GPU_OVERHEAD = 0.9, 1.0 * GB
"""Of a GPU's memory, what a step may take; less what CUDA and its libraries have before the first tensor."""
CPU_SHARE, CPU_OVERHEAD = 0.9, 0.7 * GB
"""The same of the memory a training gets on the CPU; Python, torch and MONAI are in it."""
CPU_GB = 4.0
"""What a training on the CPU gets where nothing is said, or half of the machine's memory where that is less."""
BEARABLE_SECONDS = 5.0
"""Of a step on the CPU, with two cores some 20,000 a day."""
PRODUCTS_A_SECOND = 20e9
"""Of one CPU core in float32: about what `python -m benchmarks.planning` prints where nothing else runs."""


class Machine(NamedTuple):
    """Memory in bytes, of the GPU or for a training on the CPU; the CPU's cores, None: on a GPU; and whether features
    are kept in two bytes (bfloat16, float16), as a GPU does unless it is told otherwise."""

    memory: float
    cores: int | None = None
    half: bool = True

    @property
    def is_gpu(self) -> bool:
        return self.cores is None

    @property
    def budget(self) -> float:
        """What a step may take of its memory, in bytes."""
        share, overhead = (GPU_SHARE, GPU_OVERHEAD) if self.is_gpu else (CPU_SHARE, CPU_OVERHEAD)
        return max(0.0, share * self.memory - overhead)

    @property
    def most_products(self) -> float | None:
        """Of a step; None on a GPU, where memory is what binds."""
        return None if self.cores is None else BEARABLE_SECONDS * PRODUCTS_A_SECOND * self.cores

    @property
    def reserve(self) -> str:
        """What a step may not take of it, in words."""
        if self.is_gpu:
            return f"a tenth of it stays free, and CUDA needs {amount(GPU_OVERHEAD)}"
        return f"a tenth of it stays free, and Python with its packages needs {amount(CPU_OVERHEAD)}"

    def described(self) -> str:
        """In words."""
        memory = amount(self.memory)
        if self.cores is None:
            return f"a GPU of {memory}"
        return f"{self.cores} CPU core{'s' * (self.cores > 1)} with {memory}"


def amount(of_bytes: float) -> str:
    """Memory in words, in MB where it is less than a GB.

    Examples:
        >>> from ramify.planning.machine import amount
        >>> amount(11e9), amount(8.94e9), amount(35.2e6), amount(0)
        ('11 GB', '8.9 GB', '35 MB', '0 MB')
    """
    if of_bytes < 0.9995 * GB:
        return f"{of_bytes / 1e6:.0f} MB"
    return f"{of_bytes / GB:.3g} GB" if of_bytes >= 10 * GB else f"{of_bytes / GB:.2g} GB"
