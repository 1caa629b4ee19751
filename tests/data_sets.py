"""Small data sets for the tests of `check-data`."""

import os
import re
import zlib
from pathlib import Path
from typing import Any

from patchkit.check_data.request import Request
from patchkit.check_data.run import Checked, check_data
from patchkit.findings import Finding

YAML = "path: .\ntrain: images/train\nval: images/val\nnc: 2\nnames: [cat, dog]\n"
ROW = "0 0.5 0.5 0.2 0.2\n"


def png() -> bytes:
    """An image of 16 x 16 pixels."""
    rows = zlib.compress(16 * bytes(1 + 16))
    parts = [(b"IHDR", bytes.fromhex("00000010000000100800000000")), (b"IDAT", rows), (b"IEND", b"")]
    chunks = [
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big") for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


IMAGE = png()
BASE: dict[str, str | bytes] = {
    "data.yaml": YAML,
    "images/train/a.jpg": IMAGE,
    "images/train/b.jpg": IMAGE,
    "labels/train/a.txt": ROW,
    "labels/train/b.txt": "1 0.4 0.4 0.1 0.3\n",
    "images/val/v.jpg": IMAGE,
    "labels/val/v.txt": ROW,
}
_FILE = re.compile(r"^-- (\S+) --\n", re.MULTILINE)


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
    return folder


def yolo(folder: Path, labels: str | bytes | None = None, files: dict[str, str | bytes] | None = None) -> Path:
    """A sound data set of two images and one to validate on, with other labels for the first."""
    write(folder, {**BASE, **(files or {})})
    if labels is not None:
        write(folder, {"labels/train/a.txt": labels})
    return folder / "data.yaml"


def archive(text: str) -> dict[str, str | bytes]:
    """The files of a text in which each begins with a line `-- name --`."""
    parts = _FILE.split(text)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def check(data: Path, **options: Any) -> tuple[list[Finding], Checked]:
    """Every finding, with the rest of the report. The working directory is that of the data set."""
    findings: list[Finding] = []
    before = Path.cwd()
    os.chdir(data if data.is_dir() else data.parent)
    try:
        checked = check_data(Request(data, **{"least": 0, **options}), findings.extend)
    finally:
        os.chdir(before)
    return findings, checked


def places(findings: list[Finding]) -> set[tuple[str, int]]:
    """Rule and line of each."""
    return {(finding.rule, finding.location.line) for finding in findings}


def rules(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings}
