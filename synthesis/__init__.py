"""Training cases from anatomies alone: no CT of anybody is needed."""
