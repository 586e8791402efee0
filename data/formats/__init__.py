"""One reader a file format: each is right, or refuses by name."""
