"""The data sets there are.

Adding one takes a file beside this one, a line here, and one in `form_settings.py`, where its settings stand.
"""

from ramify.data.adapters.base import DataSet
from ramify.data.adapters.ircadb import IRCADB
from ramify.data.adapters.msd import MSD
from ramify.data.adapters.nnunet import NNUNET
from ramify.data.adapters.pairs import PAIRS
from ramify.data.adapters.phantom import PHANTOM

DATA_SETS: list[DataSet] = [
    IRCADB,
    MSD,
    NNUNET,
    PAIRS,
    PHANTOM,
]
