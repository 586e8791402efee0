"""How long OpenMP threads should spin while they wait: a training step alone and beside a busy process.

    python -m benchmarks.threads

Each row is a process of its own, since the variables are read when torch is loaded. Medians; only ratios mean much.
"""

import os
import statistics
import subprocess
import sys
import time

VARIANTS: dict[str, dict[str, str]] = {
    "OpenMP's default": {"OMP_WAIT_POLICY": ""},
    "OMP_WAIT_POLICY=passive": {"OMP_WAIT_POLICY": "passive"},
    "GOMP_SPINCOUNT=1000": {"GOMP_SPINCOUNT": "1000"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
READ_BY_OPENMP = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")
STEPS = 9


def main() -> None:
    if sys.argv[1:] == ["step"]:
        print(step_seconds())
        return
    print(f"{'median seconds a step':26}{'alone':>8}{'beside a busy process':>24}")
    for name, variables in VARIANTS.items():
        print(f"{name:26}{measure(variables):8.2f}", end="", flush=True)
        busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            print(f"{measure(variables):24.2f}")
        finally:
            busy.kill()


def measure(variables: dict[str, str]) -> float:
    """Median time of a step in a fresh process with these variables."""
    environment = {name: value for name, value in os.environ.items() if name not in READ_BY_OPENMP}
    environment |= {name: value for name, value in variables.items() if value}
    command = [sys.executable, "-m", "benchmarks.threads", "step"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def step_seconds() -> float:
    """Median time of a training step of the multi-task network on two patches of 32^3."""
    import torch

    from ramify.models import MultiTaskResUNet, place_network

    network = place_network(MultiTaskResUNet(levels=3), "cpu")
    optimiser = torch.optim.AdamW(network.parameters())
    image = torch.randn(2, 1, 32, 32, 32)
    seconds = []
    for _ in range(STEPS):
        began = time.perf_counter()
        network(image).logits.square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
