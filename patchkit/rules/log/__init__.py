"""Rules for the logs of trainings. One file is one known failure."""
