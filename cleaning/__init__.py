"""How predictions are to be cleaned up, learned on the validation cases of a run's folds."""
