"""Replace the matrix product of the DFL decode by multiply-and-sum."""
