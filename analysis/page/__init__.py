"""A page on analysed trees: each in 3D and as a diagram in chosen colours, numbers, tables, groups."""
