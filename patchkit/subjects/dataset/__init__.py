"""Data sets: their files, their labels, and what is counted in them."""
