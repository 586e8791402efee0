"""Packages that only some networks need: imported when named, and missed in one line."""

import importlib
import warnings
from types import ModuleType

import torch

EXTRAS = {
    "dynamic_network_architectures": "--no-deps dynamic-network-architectures==0.4.4",
    "timm": "timm==1.0.22",
}
"""What to give to pip for each. The former's own dependencies are for networks that are not offered here."""


def import_extra(module: str, network: str) -> ModuleType:
    """Import a module of an extra package.

    Raises ValueError naming the network and the command that installs the package, or what is wrong with it.
    """
    package = module.partition(".")[0]
    command = install_command(package)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a foreign package's own deprecations
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = "a package that is" if error.name == package else f"{error.name}, which {package} needs and is"
        raise ValueError(f"network {network}: needs {missing} not installed; {command}") from None
    except Exception as error:  # a package built for another torch fails in its own ways
        complaint = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        raise ValueError(
            f"network {network}: {package} is installed but cannot be imported ({complaint}), "
            f"perhaps for want of the torchvision that belongs to torch {torch.__version__}; {command}"
        ) from None


def install_command(package: str) -> str:
    """What to type; torch is named with what depends on it, or pip might exchange the one that is here for another."""
    wanted = EXTRAS[package]
    if "--no-deps" in wanted:
        return f"pip install {wanted}"
    # The local part of a version, such as cpu or cu128, tells which of PyTorch's own indices it came from.
    build = torch.__version__.partition("+")[2]
    index = f" --extra-index-url https://download.pytorch.org/whl/{build}" if build else ""
    return f"pip install {wanted} torch=={torch.__version__}{index}"
