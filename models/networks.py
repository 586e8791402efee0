"""How every network is built, by its name in the settings.

Adding one takes a file with its `KIND`, a line in `NETWORKS` and one in `NETWORK_CHOICES` (`network_choices.py`).
"""

from ramify.models import fcn, hrnet, monai_network, multi_task, nnunet, unet
from ramify.models.network_kind import NetworkKind

NETWORKS: dict[str, NetworkKind] = {
    "resunet": multi_task.KIND,
    "unet": unet.KIND,
    "fcn": fcn.KIND,
    "nnunet_plain": nnunet.KIND,
    "nnunet_residual": nnunet.KIND,
    "hrnet": hrnet.KIND,
    "monai": monai_network.KIND,
}
"""Of a name with a colon, as monai:SegResNet, what stands before it."""
