"""What figures of every kind share: projections, letter values, one colour a meaning."""
