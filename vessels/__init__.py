"""Geometry of a vascular tree on arrays: thinning, distances, branches, radii, scales."""
