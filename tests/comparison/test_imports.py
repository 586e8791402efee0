"""Comparing needs tables of scores alone: no torch, no training, no experiment."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
import importlib, pkgutil, sys
import ramify.comparison as room
for module in pkgutil.iter_modules(room.__path__):
    importlib.import_module(f"ramify.comparison.{module.name}")
print(*{".".join(name.split(".")[:2]) if name.startswith("ramify.") else name.split(".")[0] for name in sys.modules})
"""


def test_every_module_of_the_room_is_imported_without_what_trains():
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, check=True)
    loaded = set(done.stdout.decode().split())
    assert {"ramify.comparison", "numpy"} <= loaded
    assert not loaded & {"torch", "SimpleITK", "ramify.experiments", "ramify.training", "ramify.models"}
