"""The folder that nnU-Net looks for trainers in, and what the room's examples show."""

import ast
import doctest

import pytest

from ramify import nnunet_trainers
from ramify.nnunet import extra_channel, folder, vessel_classes
from ramify.nnunet.folder import trainers_folder
from tests.nnunet.training import TRAINERS


def test_it_holds_one_file_that_takes_everything_from_ramify():
    """nnU-Net imports each file by its bare name and forgets it: whatever is needed later must be elsewhere."""
    (file,) = trainers_folder().glob("*.py")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert all(isinstance(node, ast.ImportFrom) and node.level == 0 for node in imports)
    assert all(node.module.startswith("ramify.nnunet.") for node in imports)
    assert {alias.name for node in imports for alias in node.names} == set(TRAINERS)
    assert not [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]


def test_the_command_prints_it_and_nothing_else(capsys):
    assert nnunet_trainers.main([]) == 0
    assert capsys.readouterr().out == f"{trainers_folder()}\n"


@pytest.mark.parametrize("module", [extra_channel, folder, vessel_classes])
def test_examples(module):
    done = doctest.testmod(module)
    assert done.attempted
    assert not done.failed
