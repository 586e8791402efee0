"""Every case of a data set looked for, for the tests of what is refused."""

from ramify.data.adapters.base import Adapter
from ramify.data.sources import CaseSources


def read_all(adapter: Adapter) -> list[CaseSources]:
    """What each case is made from; raises for the first one of which a file is missing."""
    return [adapter.sources(case_id) for case_id in adapter.case_ids()]
