"""From words on a command line to checked settings, and from errors to one clear line. Used by the scripts alone."""

from command_line.errors import run
from command_line.parsing import parse

__all__ = ["parse", "run"]
