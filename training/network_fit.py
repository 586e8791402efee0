"""Whether a network can be built for some cases and takes the windows it is to see, before a training begins."""

from pathlib import Path

from ramify.data.case_store import class_table_of, count_scales, open_store, read_record
from ramify.models.build import build_network
from ramify.training.freezing import frozen_names
from ramify.training.inference import check_window
from ramify.training.settings import RunSettings


def check_network(settings: RunSettings, store: Path) -> None:
    """Refuse a network that these settings do not give on the cases of a store.

    Raises ValueError for one that does not exist for such images or labels, whose package is missing, whose patches or
    windows of inference do not have a multiple of what it halves, or without a part that is to be frozen;
    OSError where the store cannot be read.
    """
    case_id = open_store(store)[0]
    record = read_record(store, case_id)
    shape, channels = tuple(record["shape"]), len(record.get("channels", ("image",)))
    network = build_network(settings.model, channels, count_scales(store), len(shape), class_table_of(store))
    frozen_names(network, settings.train)
    check_window(settings.inference.window, len(shape), network.size_multiples)
    settings.loading.sample_shapes({case_id: shape}, network.size_multiples)
