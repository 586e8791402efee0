"""What may be drawn for a training sample, one file each; `data.augmentation` has the table of them."""
