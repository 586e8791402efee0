"""What users import by name: every room names it, loads it when it is asked for, and loads nothing else."""

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = (
    "analysis",
    "comparison",
    "data",
    "losses",
    "metrics",
    "models",
    "nnunet",
    "phantoms",
    "preprocessing",
    "report",
    "tasks",
    "training",
    "transforms",
    "vessels",
)
LOADED = tuple(room for room in ROOMS if room != "nnunet")
"""Those whose every name loads without another program, as trainers of nnU-Net do not."""
TORCH_FREE = ("analysis", "comparison", "metrics", "phantoms", "tasks", "vessels")


def public(room: str) -> dict[str, object]:
    """The room's public names and what they are."""
    module = import_module(f"ramify.{room}")
    return {name: getattr(module, name) for name in module.__all__}


def modules_of(room: str) -> set[str]:
    """Names of the room's files and folders of code."""
    return {path.stem for path in (ROOT / room).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}


def said_by(code: str) -> str:
    """What a fresh process prints."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_offers_what_its_imports_for_type_checkers_say(room):
    tree = ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    imported = [alias.name for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    names = import_module(f"ramify.{room}").__all__
    assert sorted(names) == sorted(imported)
    assert len(names) == len(set(names))
    assert not [name for name in names if name.startswith("_")]
    assert set(names) <= set(dir(import_module(f"ramify.{room}")))


@pytest.mark.parametrize("room", LOADED)
def test_public_names_are_of_their_room_and_documented(room):
    for name, value in public(room).items():
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__module__.startswith(f"ramify.{room}."), f"{name} is of {value.__module__}"
            assert value.__name__ == name
            assert inspect.getdoc(value), f"ramify.{room}.{name} says nothing of itself"


@pytest.mark.parametrize("room", LOADED)
def test_a_path_may_be_given_by_its_name(room):
    """The first thing a newcomer passes is a str. Settings take either already; commands give them."""
    for name, value in public(room).items():
        if not callable(value) or name.endswith(("Settings", "Warning")):
            continue
        for parameter in inspect.signature(value).parameters.values():
            kinds = str(parameter.annotation)
            assert "Path" not in kinds or "Path | str" in kinds, f"ramify.{room}.{name}({parameter})"


@pytest.mark.parametrize("room", ROOMS)
def test_no_public_name_is_that_of_a_module(room):
    """`ramify.losses.soft_skeleton` would be the function or the module, by who was imported first."""
    assert not set(import_module(f"ramify.{room}").__all__) & modules_of(room)


def test_a_name_means_the_same_before_and_after_its_module_was_imported():
    import ramify.losses
    from ramify.losses.dice import dice_loss

    assert ramify.losses.dice_loss is dice_loss
    assert inspect.ismodule(ramify.losses.dice)


def test_a_name_that_is_not_there_is_an_attribute_error():
    import ramify.losses

    with pytest.raises(AttributeError, match=r"'ramify\.losses' has no attribute 'dice_los'"):
        ramify.losses.dice_los  # noqa: B018


def test_importing_rooms_loads_nothing_of_them():
    rooms = ", ".join(f"ramify.{room}" for room in ROOMS)
    loaded = said_by(f"import sys, {rooms}; print(*[name for name in sys.modules if name.startswith('ramify.')])")
    assert set(loaded.split()) == {"ramify.public_names", *(f"ramify.{room}" for room in ROOMS)}


@pytest.mark.parametrize("room", TORCH_FREE)
def test_no_name_of_these_rooms_loads_torch(room):
    assert said_by(f"import sys; from ramify.{room} import *; print('torch' in sys.modules)").strip() == "False"


def test_a_volume_is_read_without_torch():
    code = "import sys; from ramify.data import Volume, read_volume, write_volume; print('torch' in sys.modules)"
    assert said_by(code).strip() == "False"


def test_every_room_for_users_has_a_page():
    pages = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert not [room for room in ROOMS if f"api/{room}.md" not in pages]
