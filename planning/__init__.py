"""What a data set is like, and what to choose for it: voxel size, crop, grey values, patch and network. No torch."""
