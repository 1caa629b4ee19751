"""`lock` and `sync`: from the patches that a project lists to a target that holds exactly these."""
