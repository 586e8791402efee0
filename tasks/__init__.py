"""The classes of the labels; what a network is asked of them, and which channels of its logits answer which task."""
