"""The check of a data set: find its files, look at every label, count, and tell what each trainer does with it."""
