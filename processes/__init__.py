"""Processes beside one another: crews, locks, and what the killed leave."""
