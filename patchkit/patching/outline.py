"""The outline of a Python file by `ast`: its functions, its lines and its encoding, as the interpreter sees them."""

import ast
import contextlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from patchkit.errors import SourceUnreadable

_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


@dataclass(frozen=True)
class Outline:
    symbol: str
    first: int  # 1-based, with decorators
    last: int
    node: ast.AST

    @property
    def further_lines(self) -> int:
        return self.last - self.first


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """The warnings that a source file causes are not ours to show."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def functions(source: bytes, path: str) -> list[Outline]:
    """The outermost functions of a file, methods included, in order."""
    try:
        with without_warnings():
            tree = ast.parse(source, path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise SourceUnreadable(
            f"{path}:{line}: not valid Python: {getattr(error, 'msg', error)}",
            "repair the file, or reinstall the package that it belongs to",
        ) from error
    return list(_walk(tree, ()))


def _walk(node: ast.AST, names: tuple[str, ...]) -> Iterator[Outline]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
            yield Outline(".".join((*names, child.name)), first, child.end_lineno or child.lineno, child)
        elif isinstance(child, ast.ClassDef):
            yield from _walk(child, (*names, child.name))
        elif isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield from _walk(child, names)


def lines_of(text: str) -> list[str]:
    """The lines of source as the interpreter counts them; `str.splitlines` breaks at form feeds too."""
    return re.split("\r\n|\r|\n", text)


def encoding_of(source: bytes, path: str) -> str:
    """The encoding that the first two lines declare (PEP 263), checked on the whole text.

    Read as the interpreter does, which takes a declaration on a line that holds other bytes than UTF-8.
    """
    encoding = "utf-8"
    for line in source.splitlines()[:2]:
        declared = _COOKIE.match(line)
        if declared:
            encoding = declared[1].decode("ascii")
            break
        if line.split(b"#")[0].strip():
            break
    try:
        source.decode(encoding)
    except (UnicodeError, LookupError) as error:
        raise SourceUnreadable(
            f"{path}: cannot be decoded: {error}", "repair the file, or reinstall the package that it belongs to"
        ) from error
    return encoding
