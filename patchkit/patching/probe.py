"""What an interpreter says of itself: its paths, what it would import from where, and its own bytecode.

Imported by patchkit for its own interpreter, and sent as text (`python -c`) to any other: plain standard library,
Python 3.6 syntax. It never imports the target, and nothing in the working directory or on PYTHONPATH is executed.
Requests and answers travel as marshal data, which every Python reads and which needs no import that takes time.
"""

import sys

STARTUP_PATH = list(sys.path)
if __name__ == "__main__":
    import os  # loaded at start-up by site, so this executes nothing new

    _lib = os.path.dirname(os.__file__)
    sys.path[:] = [entry for entry in sys.path if entry in (_lib, os.path.join(_lib, "lib-dynload"))]

import importlib.machinery
import importlib.util
import marshal
import os
import struct
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

MARK = b"patchkit-probe:"
TRANSPORT = 2  # the newest marshal format that has no references: the same in all releases
TIMESTAMP, UNCHECKED, CHECKED = "timestamp", "unchecked-hash", "checked-hash"
_FORMS = {0: TIMESTAMP, 1: UNCHECKED, 3: CHECKED}
_FLAGS = {form: flags for flags, form in _FORMS.items()}
_HAS_FLAGS = sys.version_info >= (3, 7)  # PEP 552
_HEADER = 16 if _HAS_FLAGS else 12


def describe(payload: "dict[str, Any]") -> "dict[str, Any]":
    """Return executable, version, tag and magic number, and the import path as it is at start-up."""
    lib = os.path.dirname(os.__file__)
    return {
        "executable": sys.executable,
        "version": list(sys.version_info[:3]),
        "cache_tag": sys.implementation.cache_tag,
        "magic": importlib.util.MAGIC_NUMBER,
        "path": [
            entry
            for entry in STARTUP_PATH
            if entry and entry not in (lib, os.path.join(lib, "lib-dynload")) and os.path.exists(entry)
        ],
    }


def compile_bytecode(payload: "dict[str, Any]") -> "dict[str, Any]":
    """Return a `.pyc` file for each job {source, filename, old, optimize, form, mtime}, in the form asked for.

    Source and old are bytes; `filename` names the source where no old bytecode says it.
    A source that does not compile gives {"error": text} in its place.
    """
    results = []  # type: list[dict[str, Any]]
    for job in payload["jobs"]:
        source = job["source"]
        old = _code_of(job["old"])
        filename = job["filename"] if old is None else old.co_filename
        try:
            code = _compiled(source, filename, job["optimize"])
        except (SyntaxError, ValueError) as error:
            results.append({"error": str(error)})
            continue
        header = _header(job["form"], source, job["mtime"])
        results.append({"bytecode": header + marshal.dumps(code)})
    return {"results": results}


def resolve(payload: "dict[str, Any]") -> "dict[str, Any]":
    """Return for each dotted module name the file and the bytecode that an import would load.

    `payload["first"]` holds folders that come first on the import path.
    """
    path = list(payload["first"]) + STARTUP_PATH
    return {"modules": [_resolved(name, path, payload["bytecode"]) for name in payload["modules"]]}


def _resolved(name: str, path: "list[str]", with_bytecode: bool) -> "dict[str, Any]":
    spec, missing = _find(name, path)
    if spec is None or not spec.origin:
        return {"module": name, "origin": None, "missing": missing, "bytecode": []}
    origin = os.path.abspath(spec.origin)
    states = bytecode_states(origin) if with_bytecode else []
    return {"module": name, "origin": origin, "missing": None, "bytecode": states}


def pyc_form(data: bytes) -> "str | None":
    """Return timestamp, unchecked-hash or checked-hash for the bytes of a `.pyc` of this interpreter, else None."""
    if len(data) < _HEADER or data[:4] != importlib.util.MAGIC_NUMBER:
        return None
    return _FORMS.get(struct.unpack("<I", data[4:8])[0]) if _HAS_FLAGS else TIMESTAMP


def would_load(data: bytes, source: bytes, mtime: int) -> bool:
    """Return True if this interpreter takes the `.pyc` bytes for the source bytes with that mtime (seconds)."""
    form = pyc_form(data)
    if form == UNCHECKED:
        return True
    if form == CHECKED:
        return data[8:16] == importlib.util.source_hash(source)
    return form == TIMESTAMP and data[_HEADER - 8 : _HEADER] == _stamp(source, mtime)


def is_compiled_from(data: bytes, source: bytes, optimize: int) -> bool:
    """Return True if the `.pyc` bytes hold exactly the code that the source bytes compile to."""
    code = _code_of(data)
    if code is None:
        return False
    try:
        return bool(code == _compiled(source, code.co_filename, optimize))
    except (SyntaxError, ValueError):
        return False


def bytecode_states(origin: str) -> "list[dict[str, str]]":
    """Say of each bytecode file of `origin` whether it would be loaded and whether it is what the source says."""
    try:
        with open(origin, "rb") as file:
            source = file.read()
        mtime = int(os.stat(origin).st_mtime)
    except OSError:
        return []
    states = []
    for optimize in (0, 1, 2):
        cached = importlib.util.cache_from_source(origin, optimization=optimize or "")
        try:
            with open(cached, "rb") as file:
                data = file.read()
        except OSError:
            continue
        if not would_load(data, source, mtime):
            state = "ignored"
        elif is_compiled_from(data, source, optimize):
            state = "current"
        else:
            state = "stale"
        states.append({"path": cached, "state": state})
    return states


def _find(name: str, path: "list[str]") -> "tuple[Any, str | None]":
    """Find a module as the import system does, level by level, without importing its parents."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        full = ".".join(parts[:depth])
        spec = None
        try:
            for finder in sys.meta_path:
                spec = finder.find_spec(full, path) if hasattr(finder, "find_spec") else None
                if spec is not None:
                    break
            locations = None if spec is None else spec.submodule_search_locations
            locations = locations if locations is None else list(locations)
        except KeyError:
            # A folder without __init__.py inside a package: Python asks the imported parent, which is not there.
            places = [os.path.join(entry, parts[depth - 1]) for entry in path]
            locations = [place for place in places if os.path.isdir(place)]
        else:
            if spec is None:
                return None, full
        if depth < len(parts):
            if locations is None:
                return None, name
            path = locations
    return spec, None


def _compiled(source: bytes, filename: str, optimize: int) -> "CodeType":
    """Compile without the warnings that the source itself may cause: they are not ours to show."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(source, filename, "exec", dont_inherit=True, optimize=optimize)


def _code_of(data: bytes) -> "CodeType | None":
    if pyc_form(data) is None:
        return None
    try:
        code = marshal.loads(data[_HEADER:])
    except (EOFError, ValueError, TypeError):
        return None
    return code if isinstance(code, type(_code_of.__code__)) else None


def _stamp(source: bytes, mtime: int) -> bytes:
    return struct.pack("<II", mtime & 0xFFFFFFFF, len(source) & 0xFFFFFFFF)


def _header(form: str, source: bytes, mtime: int) -> bytes:
    if not _HAS_FLAGS:
        return importlib.util.MAGIC_NUMBER + _stamp(source, mtime)
    tail = _stamp(source, mtime) if form == TIMESTAMP else importlib.util.source_hash(source)
    return importlib.util.MAGIC_NUMBER + struct.pack("<I", _FLAGS[form]) + tail


ACTIONS = {"describe": describe, "compile_bytecode": compile_bytecode, "resolve": resolve}

if __name__ == "__main__":
    _request = marshal.loads(sys.stdin.buffer.read())
    _answer = ACTIONS[_request["action"]](_request)
    sys.stdout.flush()
    sys.stdout.buffer.write(MARK + marshal.dumps(_answer, TRANSPORT))
