"""From files of masks to the scores of each case."""
