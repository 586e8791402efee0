"""From words on a command line to checked settings, and from errors to one clear line. Used by the scripts alone."""

import os

# On a CPU, OpenMP threads that wait for each other spin, and take the core from any other busy process: a training
# beside one was seen to become 20 times slower. Threads that sleep at once (OMP_WAIT_POLICY=passive) gain nothing over
# a single thread. A short spin costs little alone and twice the time in company; benchmarks/threads.py measures it.
# GNU's OpenMP, which PyTorch brings on Linux, reads the variable when torch is loaded: scripts import this first.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

from ramify.command_line.errors import interrupts_end_in_a_line, run
from ramify.command_line.named import named_settings
from ramify.command_line.parsing import ANSWERED, parse

# What scripts import next takes seconds, in which Ctrl-C may come.
interrupts_end_in_a_line()

__all__ = ["ANSWERED", "named_settings", "parse", "run"]
