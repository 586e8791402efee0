"""Fingerprints written down, and the machines that tests plan for."""

import numpy as np

from ramify.planning.fingerprint import Calibres, CaseFingerprint, ChannelGreys, Fingerprint, Greys
from ramify.planning.machine import GB, Machine

TWO_CORES, GPU_11, GPU_24, GPU_80 = Machine(4 * GB, cores=2, half=False), *(Machine(gb * GB) for gb in (11, 24, 80))
MACHINES = (TWO_CORES, GPU_11, GPU_24, GPU_80)
"""From the smallest up."""


def greys(low, high):
    """Grey values spread evenly between two."""
    return Greys.of(np.linspace(low, high, 1001))


def case(shape, spacing_mm, diameters_mm, box=None, lowest=-1024.0, organ=True, channel="image"):
    """A case whose vessels are as long in each of these diameters."""
    calibres = Calibres.of(np.array(diameters_mm, dtype=np.float64), np.ones(len(diameters_mm)))
    values = ChannelGreys(
        lowest=lowest, highest=1000.0, vessels=greys(80, 220), around=greys(-40, 180) if organ else None
    )
    return CaseFingerprint(
        shape=shape,
        spacing_mm=spacing_mm,
        has_organ=organ,
        box=box or shape,
        channels={channel: values},
        calibres=calibres,
    )


def of(*cases):
    """Their fingerprint."""
    return Fingerprint(cases={f"case_{number}": each for number, each in enumerate(cases)})
