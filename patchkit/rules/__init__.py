"""Rules, one file each, by the kind of subject that they look at."""
