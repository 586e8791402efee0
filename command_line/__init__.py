"""From words on a command line to checked settings, and from errors to one clear line. Used by the scripts alone."""

import os

# On a CPU, OpenMP threads that have nothing to do spin and take the core from any other busy process: a training beside
# another program was seen to become 20 times slower, and only twice slower with threads that sleep. The variable
# is read when torch is loaded, so scripts import this package first.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from command_line.errors import describe, run
from command_line.parsing import parse

__all__ = ["describe", "parse", "run"]
