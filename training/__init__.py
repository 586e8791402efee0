"""One training: settings, run folder, loop, checkpoints, tracking, inference, prediction."""
