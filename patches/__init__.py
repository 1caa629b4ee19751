"""patchkit's own pack: one folder is one patch."""
