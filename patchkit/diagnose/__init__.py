"""The diagnosis of a log: what happened, why, and the next command."""
