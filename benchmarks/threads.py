"""How long OpenMP threads should spin while they wait: a training step alone and beside a busy process.

    python -m benchmarks.threads [--steps 9]

Each row is a process of its own, since the variables are read when torch is loaded. Medians; only ratios mean much.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, Field

from ramify.command_line import parse, run

VARIANTS: dict[str, dict[str, str]] = {
    "OpenMP's default": {"OMP_WAIT_POLICY": ""},
    "OMP_WAIT_POLICY=passive": {"OMP_WAIT_POLICY": "passive"},
    "GOMP_SPINCOUNT=1000": {"GOMP_SPINCOUNT": "1000"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
ROOT = Path(__file__).parents[1]
READ_BY_OPENMP = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")


class ThreadsBenchmark(BaseModel, frozen=True, extra="forbid"):
    """What to measure."""

    steps: int = Field(default=9, ge=1)
    """Training steps of each process, whose median counts."""
    side: int = Field(default=32, ge=8)
    """Voxels of a patch each way."""


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(ThreadsBenchmark, "A training step by how OpenMP's threads wait.", argv)
    print(f"{'median seconds a step':26}{'alone':>8}{'beside a busy process':>24}")
    for name, variables in VARIANTS.items():
        print(f"{name:26}{measure(variables, command.steps, command.side):8.2f}", end="", flush=True)
        busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            print(f"{measure(variables, command.steps, command.side):24.2f}")
        finally:
            busy.kill()
            busy.wait()


def measure(variables: dict[str, str], steps: int, side: int) -> float:
    """Median time of a step in a fresh process with these variables; importing this module would set one of them."""
    environment = {name: value for name, value in os.environ.items() if name not in READ_BY_OPENMP}
    environment |= {name: value for name, value in variables.items() if value}
    script = f"from benchmarks.small_step import step_seconds; print(step_seconds({steps}, {side}))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    run(main)
