"""Speed, memory and quality beside peers and plain ways: `python -m benchmarks.losses` and others."""
