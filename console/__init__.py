"""What a command shows and hears while it runs: progress, signals, text that is safe for a terminal."""
