"""Variants of a method against each other: paired statistics, tables and figures."""
