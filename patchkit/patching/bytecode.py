"""Compiled copies of a source file (`__pycache__/*.pyc`): which exist, in which form, and how to renew them."""

import struct
from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import SourceUnreadable
from patchkit.patching import probe
from patchkit.patching.interpreter import Interpreter


@dataclass(frozen=True)
class Bytecode:
    """One compiled copy of a source file."""

    path: Path
    tag: str  # cpython-311
    optimize: int  # 0, 1 or 2
    data: bytes


def compiled_copies(source: Path) -> list[Bytecode]:
    """Every bytecode file of `source`, for all interpreters and optimisation levels."""
    found = []
    for path in sorted((source.parent / "__pycache__").glob(f"{source.stem}.*.pyc")):
        tag, _, level = path.name[len(source.stem) + 1 : -len(".pyc")].partition(".opt-")
        if level in ("", "1", "2"):
            found.append(Bytecode(path, tag, int(level or 0), path.read_bytes()))
    return found


def stale_copies(source: Path) -> list[Bytecode]:
    """Unchecked copies of other source, which Python runs instead: of any interpreter, and none is started."""
    found = [copy for copy in compiled_copies(source) if invalidation_form(copy.data) == probe.UNCHECKED]
    text = source.read_bytes() if found else b""
    return [copy for copy in found if not is_of_source(copy.data, text)]


def renewed(
    copies: list[Bytecode], source: Path, text: bytes, mtime: int, interpreter: Interpreter
) -> dict[Path, bytes | None]:
    """New bytes for each compiled copy of `source` once it holds `text`; None where it must go.

    A copy of the given interpreter is renewed in the form it had. Any other is removed: its interpreter is not at
    hand, and Python compiles it anew.

    Units    mtime in whole seconds, as the source file will have it.
    Raises   SourceUnreadable if the text does not compile there.
    """
    mine = [copy for copy in copies if copy.tag == interpreter.cache_tag and _form(copy, interpreter)]
    jobs = [
        {
            "source": text,
            "filename": str(source),
            "old": copy.data,
            "optimize": copy.optimize,
            "form": _form(copy, interpreter),
            "mtime": mtime,
        }
        for copy in mine
    ]
    results = interpreter.compile_bytecode(jobs)
    fresh: dict[Path, bytes | None] = {copy.path: None for copy in copies}
    for copy, result in zip(mine, results, strict=True):
        if "error" in result:
            raise SourceUnreadable(
                f"{source}: the patched text does not compile for {copy.tag}: {result['error']}",
                "report this to the authors of the patch",
            )
        fresh[copy.path] = result["bytecode"]
    return fresh


def _form(copy: Bytecode, interpreter: Interpreter) -> str | None:
    """The invalidation form of a copy; None if it is not bytecode of the interpreter."""
    if copy.data[:4] != interpreter.magic:
        return None
    if interpreter.version < (3, 7):
        return probe.TIMESTAMP
    return invalidation_form(copy.data)


def is_of_source(data: bytes, text: bytes) -> bool:
    """True if hash-based bytecode, of whatever CPython, was compiled from this source."""
    from patchkit.patching.siphash import source_hashes

    return data[8:16] in source_hashes(data[:4], text)


def invalidation_form(data: bytes) -> str | None:
    """The form that PEP 552 flags say: timestamp, unchecked-hash or checked-hash."""
    if len(data) < 16:
        return None
    flags = struct.unpack("<I", data[4:8])[0]
    return {0: probe.TIMESTAMP, 1: probe.UNCHECKED, 3: probe.CHECKED}.get(flags)
