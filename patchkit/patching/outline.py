"""The outline of a Python file by `ast`: its functions and statements, its lines, encoding and imported names."""

import ast
import contextlib
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from patchkit.errors import SourceUnreadable

AMBIGUOUS = "?"  # what a name means that stands for several things
_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


@dataclass(frozen=True)
class Outline:
    """A function with all that is in it, or a statement outside of functions; never a part of a line."""

    symbol: str  # Class.method; of a statement the name that it assigns, else the class it stands in, else empty
    first: int  # 1-based, with decorators
    last: int
    node: ast.AST
    more: tuple[ast.AST, ...] = ()  # further statements on its last line

    @property
    def further_lines(self) -> int:
        return self.last - self.first


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """The warnings that a source file causes are not ours to show."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def parsed(source: bytes, path: str) -> ast.Module:
    """The syntax tree of a file.

    Raises   SourceUnreadable if it is not valid Python.
    """
    try:
        with without_warnings():
            return ast.parse(source, path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise SourceUnreadable(
            f"{path}:{line}: not valid Python: {getattr(error, 'msg', error)}",
            "repair the file, or reinstall the package that it belongs to",
        ) from error


def outlines(tree: ast.Module, lines: Sequence[bytes], is_wanted: Callable[[bytes], bool]) -> list[Outline]:
    """The outermost functions of a file, methods included, and the statements outside of them, in order.

    A block (`if`, `with`, `class`...) is taken apart into what stands in it, unless it stands on one line or its header
    is wanted itself.
    """
    found: list[Outline] = []
    for outline in _walk(tree, (), lines, is_wanted):
        if found and outline.first == found[-1].last:  # two statements on a line: they are parsed together
            before = found.pop()
            found.append(Outline(before.symbol, before.first, outline.last, before.node, (*before.more, outline.node)))
        else:
            found.append(outline)
    return found


def _walk(
    node: ast.AST, names: tuple[str, ...], lines: Sequence[bytes], is_wanted: Callable[[bytes], bool]
) -> Iterator[Outline]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield Outline(".".join((*names, child.name)), _first_line(child), child.end_lineno or child.lineno, child)
        elif isinstance(child, (ast.excepthandler, ast.match_case)):
            yield from _walk(child, names, lines, is_wanted)
        elif isinstance(child, ast.stmt):
            if _can_be_taken_apart(child, lines, is_wanted):
                inner = (*names, child.name) if isinstance(child, ast.ClassDef) else names
                yield from _walk(child, inner, lines, is_wanted)
            else:
                symbol = ".".join(filter(None, (*names, _bound(child))))
                yield Outline(symbol, _first_line(child), child.end_lineno or child.lineno, child)


def _can_be_taken_apart(node: ast.stmt, lines: Sequence[bytes], is_wanted: Callable[[bytes], bool]) -> bool:
    blocks = _blocks(node, lines)
    if not blocks or any(_follows_on_line(block[0], lines) for block in blocks):
        return False
    header = list(lines[_first_line(node) - 1 : node.end_lineno])
    for block in blocks:
        first, last = _first_line(block[0]) - _first_line(node), (block[-1].end_lineno or 0) - _first_line(node)
        header[first : last + 1] = [b""] * (last + 1 - first)
    return not is_wanted(b"".join(header))


def _blocks(node: ast.stmt, lines: Sequence[bytes]) -> list[list[ast.stmt]]:
    """The suites of a compound statement; those of its `elif` branches too, which cannot stand alone."""
    blocks: list[list[ast.stmt]] = []
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, [])
        is_elif = name == "orelse" and len(block) == 1 and isinstance(block[0], ast.If) and isinstance(node, ast.If)
        if is_elif and lines[block[0].lineno - 1].lstrip().startswith(b"elif"):
            blocks += _blocks(block[0], lines)
        elif block:
            blocks.append(block)
    inner = [*getattr(node, "handlers", []), *getattr(node, "cases", [])]
    return [*blocks, *(part.body for part in inner)]


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _follows_on_line(node: ast.stmt, lines: Sequence[bytes]) -> bool:
    """True if something else than white space stands before a statement on its line."""
    return bool(lines[node.lineno - 1][: node.col_offset].strip())


def _bound(node: ast.stmt) -> str:
    """The name that a statement binds; empty if it binds none, or several."""
    if isinstance(node, ast.ClassDef):
        return node.name
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""


def names_in(tree: ast.Module) -> dict[str, str]:
    """What names mean in a file: imported ones by where they come from, wherever the import stands; its own with a dot.

    {"nn": "torch.nn", "loss": ".loss"}; a star import is kept as {"*": "torch.nn.*"}. A name that is bound to several
    things, be it only in one function, is AMBIGUOUS.
    """
    names: dict[str, str] = {}

    def bind(name: str, meaning: str) -> None:
        names[name] = meaning if names.get(name, meaning) == meaning else AMBIGUOUS

    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bind(statement.name, f".{statement.name}")
    nodes = list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                bind(alias.asname or whole, whole)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                bind(alias.asname or alias.name, f"{module}.{alias.name}")
    for node in nodes:
        stored = (
            node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else getattr(node, "arg", None)
        )
        if isinstance(node, (ast.Name, ast.arg)) and stored in names:
            names[stored] = AMBIGUOUS
    return names


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
