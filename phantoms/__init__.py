"""Phantoms: vessel trees grown in an organ, with all about them known, and CTs of them."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.phantoms.anatomy import Anatomy, grow_anatomy
    from ramify.phantoms.anatomy_settings import AnatomySettings
    from ramify.phantoms.phantom import Phantom, grow_phantom, grow_vessels
    from ramify.phantoms.rasterisation import owning_edges, rasterise
    from ramify.phantoms.settings import PhantomImageSettings, PhantomSettings, TreeSettings
    from ramify.phantoms.vessel_graph import VesselGraph
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = [
    "Anatomy",
    "AnatomySettings",
    "Phantom",
    "PhantomImageSettings",
    "PhantomSettings",
    "TreeSettings",
    "VesselGraph",
    "grow_anatomy",
    "grow_phantom",
    "grow_vessels",
    "owning_edges",
    "rasterise",
]
