"""Make the cross-entropy loss of torch ignore samples with the label -1."""
