"""Rules for the labels of data sets. One file is one rule."""
