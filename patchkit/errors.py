"""The failures that patchkit knows. Each one says the fact, the place and the next step, and exits with 2."""


class PatchkitError(Exception):
    """A known failure: `message` is the fact with its place, `hint` the next step."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UnknownPatch(PatchkitError):
    """No installed pack holds a patch of this id."""


class UnknownRule(PatchkitError):
    """No rule or recipe has this name."""


class UnknownRelease(PatchkitError):
    """The package index has no such release, or cannot be reached."""


class BrokenPack(PatchkitError):
    """A pack, its manifest or its codemod cannot be used."""


class TargetRefused(PatchkitError):
    """The target does not exist, or patchkit will not write to it."""


class SourceUnreadable(PatchkitError):
    """A source file cannot be decoded or parsed."""


class StateCorrupt(PatchkitError):
    """A ledger, a blob, a journal or a RECORD does not hold what it must hold."""


class WriteFailed(PatchkitError):
    """The transaction could not be written; the target is as it was before."""
