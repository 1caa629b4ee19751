"""The files of one root as they were read, and as a command will leave them. Nothing is written here."""

from pathlib import Path

from patchkit.errors import TargetRefused
from patchkit.patching.journal import Change
from patchkit.patching.ledger import Ledger, load_ledger, sha256_of
from patchkit.patching.state_folder import BLOBS, IGNORE, LEDGER


class Draft:
    """Bytes by path, relative to the root. Several patches of one command see each other's result."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ledger = load_ledger(root)
        self._kept = self.ledger.blobs()
        self._before: dict[str, bytes | None] = {}
        self._after: dict[str, bytes | None] = {}
        self._links: dict[str, str] = {}
        self._written: set[str] = set()

    def read(self, path: str) -> bytes | None:
        """The bytes as they will be; None if the file is absent."""
        if path not in self._after:
            self._before[path] = self._after[path] = self._read_disk(path)
        return self._after[path]

    def remember(self, path: str, data: bytes) -> bytes:
        """The bytes as they will be, where the caller has just read `data` from disk."""
        if path not in self._after:
            self._before[path] = self._after[path] = data
        return self._after[path] or b""

    def write(self, path: str, data: bytes | None, *, link: str | None = None) -> None:
        """Replace a file, or remove it; with `link`, by a link to a place that holds these bytes."""
        self.read(path)
        self._after[path] = data
        self._written.add(path)
        if link is not None:
            self._links[path] = link
        else:
            self._links.pop(path, None)

    def link(self, path: str) -> str | None:
        """Where a file leads, as it will be; None if it will be no link."""
        if path in self._written:
            return self._links.get(path)
        return str((self.root / path).readlink()) if (self.root / path).is_symlink() else None

    def original(self, path: str) -> bytes | None:
        """The bytes on disk when the command began."""
        self.read(path)
        return self._before[path]

    def is_changed(self, path: str) -> bool:
        """True if the bytes will differ from those on disk."""
        return self.read(path) != self.original(path)

    def changed(self) -> list[str]:
        """Paths whose bytes will change, the state folder left out."""
        return [path for path, data in self._after.items() if data != self._before[path]]

    def record(self, ledger: Ledger, originals: dict[str, bytes], *, ignore_in_git: bool) -> None:
        """Put the ledger and the originals it needs into the draft; drop what nothing needs any more."""
        wanted = ledger.blobs()
        for sha256, data in originals.items():
            if sha256 in wanted:
                self.write(f"{BLOBS}/{sha256}", data)
        for sha256 in sorted(self._kept - wanted):
            self.write(f"{BLOBS}/{sha256}", None)
        self.write(LEDGER, ledger.dumped() if ledger.receipts else None)
        if ignore_in_git or not ledger.receipts:
            self.write(IGNORE, b"*\n" if ledger.receipts else None)
        self.ledger = ledger

    def changes(self) -> list[Change]:
        """What the transaction must write: sources first, RECORDs next, the ledger last."""
        order = sorted(self.changed(), key=lambda path: (path.startswith(LEDGER), path.endswith("/RECORD"), path))
        return [Change(path, self._before[path], self._after[path], self._links.get(path)) for path in order]

    def _read_disk(self, path: str) -> bytes | None:
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except IsADirectoryError as error:
            raise TargetRefused(f"{self.root / path} is a folder, and a file belongs there", "move it away") from error
        except OSError as error:
            raise TargetRefused(
                f"{self.root / path} cannot be read: {error.strerror}", "run as a user who may read it"
            ) from error


def sha256_or_empty(data: bytes | None) -> str:
    return "" if data is None else sha256_of(data)
