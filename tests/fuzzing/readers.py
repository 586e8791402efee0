"""Every reader that is tried with damaged files. A new one: a module with a table READERS, added here."""

from tests.fuzzing import archives, checkpoints, series, stores, texts, volumes
from tests.fuzzing.reader import Reader

TABLES = (
    volumes.READERS,
    series.READERS,
    archives.READERS,
    texts.READERS,
    checkpoints.READERS,
    stores.READERS,
)
READERS: dict[str, Reader] = {reader.name: reader for table in TABLES for reader in table}
