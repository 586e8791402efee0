"""What each command does once its settings are read; every file reads top to bottom as the story of its stage."""
