"""The families of measures there are. Adding one takes a file beside this one and a line here."""

from ramify.metrics.centreline import CENTRELINE
from ramify.metrics.graph import GRAPH
from ramify.metrics.measure import Family
from ramify.metrics.overlap import OVERLAP
from ramify.metrics.scales import SCALES
from ramify.metrics.street_mover import STREET_MOVER
from ramify.metrics.surface import SURFACE
from ramify.metrics.topology import TOPOLOGY

EVERY_FAMILY = "all"
FAMILIES: dict[str, Family] = {
    "overlap": OVERLAP,
    "centreline": CENTRELINE,
    "surface": SURFACE,
    "topology": TOPOLOGY,
    "graph": GRAPH,
    "street_mover": STREET_MOVER,
    "scales": SCALES,
}
