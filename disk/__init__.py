"""Files on a disk: whole or not at all, whose they are, and what they hold."""
