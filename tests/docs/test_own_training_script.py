"""docs/losses.md: the script of one's own runs as it stands, and the page names every module and argument."""

import inspect
import re

import torch

from ramify import losses
from ramify.losses import SegmentationLoss
from tests.docs.pages import ROOT, blocks_of, code_in, text_of

TEXT = text_of(ROOT / "docs" / "losses.md")
SECTION = TEXT[TEXT.index("## In your own training script") : TEXT.index("## A loss of your own")]


def test_the_script_runs_and_moves_the_network():
    (block,) = (block for block in blocks_of(SECTION) if block.language == "python")
    code = [line for line in block.text.splitlines() if line and not line.startswith(("import ", "from "))]
    assert len(code) <= 10
    torch.manual_seed(0)
    names: dict[str, object] = {}
    exec(compile(block.text, "losses.md", "exec"), names)
    network = names["network"]
    assert isinstance(network, torch.nn.Conv3d)
    assert network.weight.grad is not None
    assert network.weight.grad.any()


def test_every_module_and_every_argument_is_named():
    words = set(code_in(SECTION))
    modules = {name for name in losses.__all__ if isinstance(getattr(losses, name), type)}
    modules = {name for name in modules if issubclass(getattr(losses, name), torch.nn.Module)}
    assert modules - {"SegmentationLoss"} <= words
    rows = re.findall(r"^\| `(\w+)` \| .* \|", SECTION, re.MULTILINE)
    arguments = [
        name for name in inspect.signature(SegmentationLoss.__init__).parameters if name not in ("self", "own")
    ]
    assert [name for name in rows if name in arguments] == arguments
