"""From a raw case to a training case: crop, resampling, intensities, scales, quality figures."""
