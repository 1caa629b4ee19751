"""What a user waives on the command line. Apart, because every `apply` needs it and little else."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Allowed:
    """What the user waives, each with a flag of its own."""

    drift: bool = False
    editable: bool = False
    system: bool = False
    owners: bool = False
    shadowed: bool = False
    symlinks: bool = False
