"""A study of trainings with Optuna."""
