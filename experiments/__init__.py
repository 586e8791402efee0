"""Variants of a method over folds and seeds: which runs, by which processes, and what they say."""
