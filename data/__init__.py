"""What a case is: volumes, files in and out, data sets, the store of prepared cases, folds, augmentation, loading."""
