"""Losses: pure functions of tensors, and the weighted sum that training minimises."""
