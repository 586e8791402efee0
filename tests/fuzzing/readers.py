"""Every reader that is tried with damaged files. A new one: a module with a table READERS, added here."""

from tests.fuzzing import archives, checkpoints, series, texts, volumes
from tests.fuzzing.reader import Reader

READERS: dict[str, Reader] = {
    reader.name: reader
    for table in (volumes.READERS, series.READERS, archives.READERS, texts.READERS, checkpoints.READERS)
    for reader in table
}
