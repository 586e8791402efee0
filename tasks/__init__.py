"""What a network is asked: its formulation, its tasks, and which channels of its logits answer each of them."""
