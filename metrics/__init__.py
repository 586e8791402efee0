"""How good a mask is: overlap, surface, centreline, topology, graph and scales, a row a case."""
