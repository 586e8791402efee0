"""How a comparison names its settings to its reader: by compare.py's flags, or as another command has them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """The settings' names, and what is advised; those of compare.py unless given otherwise.

    results: what a complaint about the results begins with.
    measures, unit: the settings.
    add_common: how one asks for the cases in common.
    both_empty: how one asks for values of cases that are empty on both sides.
    more_folds, same_folds, named_folds: where results come from one fold, are to be paired by fold, or come from folds
        that cannot be told.
    more_networks: where results come from single networks, or from more of one name than of another.
    """

    results: str = "--results: "
    measures: str = "--measures"
    unit: str = "--unit"
    add_common: str = "add --common"
    both_empty: str = "evaluate.py --both-empty perfect"
    more_folds: str = "give each name its files of several folds, or --folds FILE"
    same_folds: str = "give each name one file a fold, of the same folds, or add --folds FILE"
    named_folds: str = "name the folds with --folds FILE"
    more_networks: str = "give each name the files of as many networks"


OF_COMPARE = Wording()
