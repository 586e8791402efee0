"""Names of the ways to measure a branch's radius; what each does stands in `vessels/estimators/`."""

ESTIMATOR_NAMES = ["paper", "distance", "volume"]
