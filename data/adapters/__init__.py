"""One adapter a data set, all behind the same small interface; `opening.open_dataset` finds the one that is meant."""
