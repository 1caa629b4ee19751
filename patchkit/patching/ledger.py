"""The ledger of a root: one receipt for each applied patch, in order, in `<root>/.patchkit/ledger.json`.

It holds no time, host name or absolute path, so two image builds write the same bytes. Read on every `status` and
`verify --fast`, hence plain json and dataclasses.
"""

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from patchkit.errors import StateCorrupt
from patchkit.patching.state_folder import BLOBS, JOURNAL, LEDGER, STATE

SCHEMA = 1
_PATCH = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True)
class RecordChange:
    """One row of one RECORD, as it was and as it is now, with line endings."""

    record: str  # path of the RECORD, relative to the root
    before: str
    after: str


@dataclass(frozen=True)
class SiteReceipt:
    symbol: str
    line: int  # in the patched file, 1-based
    original_line: int = 0  # 0: not known


@dataclass(frozen=True)
class FileReceipt:
    """One patched file."""

    path: str  # relative to the root, with forward slashes
    before_sha256: str
    after_sha256: str
    sites: tuple[SiteReceipt, ...]
    records: tuple[RecordChange, ...] = ()
    link: str | None = None  # where the file pointed, if it was a link in a source tree


@dataclass(frozen=True)
class ReferenceReceipt:
    """A public source of a patch, as its manifest names it."""

    kind: str
    title: str
    url: str


@dataclass(frozen=True)
class Receipt:
    """One applied patch."""

    patch: str
    version: str
    pack: str  # module name of the pack
    room_sha256: str
    kind: str  # of the target: distribution, tree or file
    distribution: str | None
    distribution_version: str | None
    untested: bool  # a site had a form that was never tested
    files: tuple[FileReceipt, ...]
    title: str = ""  # empty in ledgers of before there were markers
    references: tuple[ReferenceReceipt, ...] = ()

    @property
    def paths(self) -> set[str]:
        return {file.path for file in self.files}


@dataclass(frozen=True)
class Ledger:
    """All receipts of a root, oldest first."""

    receipts: tuple[Receipt, ...] = ()

    def receipt(self, patch: str) -> Receipt | None:
        return next((receipt for receipt in self.receipts if receipt.patch == patch), None)

    def with_files(self, receipt: Receipt) -> "Ledger":
        """The ledger with this receipt; of an older one of the same patch, the files that it does not name stay."""
        old = self.receipt(receipt.patch)
        kept = [file for file in old.files if file.path not in receipt.paths] if old else []
        files = sorted([*kept, *receipt.files], key=lambda file: file.path)
        merged = replace(receipt, files=tuple(files))
        if old is None:
            return Ledger((*self.receipts, merged))
        return Ledger(tuple(merged if receipt is old else receipt for receipt in self.receipts))

    def without_files(self, patch: str, paths: set[str]) -> "Ledger":
        """The ledger with these files taken out of a receipt, and the receipt if none is left."""
        kept = []
        for receipt in self.receipts:
            files = tuple(file for file in receipt.files if receipt.patch != patch or file.path not in paths)
            if files:
                kept.append(replace(receipt, files=files))
        return Ledger(tuple(kept))

    def without(self, patch: str) -> "Ledger":
        return Ledger(tuple(receipt for receipt in self.receipts if receipt.patch != patch))

    def stack(self, file: FileReceipt) -> list[FileReceipt]:
        """This file receipt and those of the patches that were applied on top of it, in order."""
        by_base = {other.before_sha256: other for r in self.receipts for other in r.files if other.path == file.path}
        stack = [file]
        while (top := by_base.get(stack[-1].after_sha256)) is not None and top not in stack:
            stack.append(top)
        return stack

    def originals(self, file: FileReceipt) -> list[str]:
        """What the file was before this patch, and before each patch below it: SHA-256, the nearest first."""
        by_result = {other.after_sha256: other for r in self.receipts for other in r.files if other.path == file.path}
        found = [file.before_sha256]
        while (below := by_result.get(found[-1])) is not None and below.before_sha256 not in found:
            found.append(below.before_sha256)
        return found

    def on_top(self, file: FileReceipt) -> list[str]:
        """The patches that were applied on top of a file receipt, in order."""
        return [r.patch for other in self.stack(file)[1:] for r in self.receipts if other in r.files]

    def blobs(self) -> set[str]:
        """Names of the originals that revert needs."""
        return {file.before_sha256 for receipt in self.receipts for file in receipt.files}

    def dumped(self) -> bytes:
        data = {"schema": SCHEMA, "receipts": [asdict(receipt) for receipt in self.receipts]}
        return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode("utf-8")


def load_ledger(root: Path) -> Ledger:
    """The ledger of `root`; empty if there is none.

    Raises   StateCorrupt if it cannot be read or names a path outside the root.
    """
    path = root / LEDGER
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if any((root / BLOBS).glob("*")) and not (root / JOURNAL).is_dir():
            if path.exists():  # a command that was at work has just ended
                return load_ledger(root)
            raise StateCorrupt(f"{path} is missing, but originals are kept beside it", hint_for(path.parent)) from None
        return Ledger()
    except OSError as error:
        raise StateCorrupt(
            f"{path} cannot be read: {error.strerror}", "run as the user who applied the patch"
        ) from error
    try:
        content: dict[str, Any] = json.loads(data)
        if isinstance(content["schema"], int) and content["schema"] > SCHEMA:
            raise StateCorrupt(f"{path} was written by a newer patchkit", "pip install --upgrade patchkit-cv")
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema {content['schema']} instead of {SCHEMA}")  # noqa: TRY301
        return Ledger(tuple(_receipt(item) for item in content["receipts"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StateCorrupt(f"{path} is damaged: {error}", hint_for(path.parent)) from error


def read_blob(root: Path, sha256: str) -> bytes:
    """The original bytes behind a receipt.

    Raises   StateCorrupt if they are gone or are not what their name says.
    """
    path = root / BLOBS / sha256
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StateCorrupt(f"{path}: the original cannot be read: {error.strerror}", hint_for(root / STATE)) from error
    if sha256_of(data) != sha256:
        raise StateCorrupt(f"{path} is damaged: its bytes have another hash", hint_for(root / STATE))
    return data


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def hint_for(state: Path) -> str:
    """The next step when a state folder cannot be trusted."""
    return f"reinstall the package (or check out the tree anew), then delete {state} and apply again"


def _receipt(item: dict[str, Any]) -> Receipt:
    files = tuple(
        FileReceipt(
            path=inside(file["path"]),
            before_sha256=_hex(file["before_sha256"]),
            after_sha256=_hex(file["after_sha256"]),
            sites=tuple(SiteReceipt(**site) for site in file["sites"]),
            records=tuple(
                RecordChange(inside(row["record"]), _text(row["before"]), _text(row["after"]))
                for row in file["records"]
            ),
            link=None if file["link"] is None else _text(file["link"]),
        )
        for file in item["files"]
    )
    references = tuple(
        ReferenceReceipt(_text(one["kind"]), _text(one["title"]), _text(one["url"]))
        for one in item.get("references", ())
    )
    receipt = Receipt(**{**item, "files": files, "references": references})
    optional = [text for text in (receipt.distribution, receipt.distribution_version) if text is not None]
    for text in (receipt.version, receipt.kind, receipt.title, *optional):
        _text(text)
    if not _PATCH.fullmatch(receipt.patch) or not _MODULE.fullmatch(receipt.pack) or not files:
        raise ValueError(f"{receipt.patch!r} of {receipt.pack!r} is no receipt")
    return receipt


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError(f"{value!r} is not text")
    value.encode("utf-8", errors="surrogateescape")  # raises a ValueError for what no file can hold
    return value


def inside(path: str) -> str:
    """The path, if it stays below the root that it is relative to.

    Raises   ValueError if it does not.
    """
    os.fsencode(path)  # raises a ValueError for what no file system can name
    if not path or path.startswith("/") or {"..", ".git"} & set(path.split("/")) or "\0" in path:
        raise ValueError(f"the path {path!r} leaves the root")
    return path


def _hex(text: str) -> str:
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise ValueError(f"{text!r} is not a sha256")
    return text
