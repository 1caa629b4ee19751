"""Versions and version ranges without the cost of `packaging`, which is asked only where numbers do not decide."""

import re

Numbers = tuple[int, ...]
_CLAUSE = re.compile(r"(==|>=|<=|!=|>|<)\s*v?(\d+(?:\.\d+)*)(\.\*)?")
_PLAIN = re.compile(r"v?\d+(\.\d+)*")


def numbers(version: str) -> Numbers:
    """The release numbers that a version begins with: (2, 1, 0) of `2.1.0rc1+cu121`."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, found[1].split("."))) if found else ()


def public(version: str) -> str:
    """The version without its local part: 2.1.0 of `2.1.0+cu121`."""
    return version.partition("+")[0]


def is_before(version: str, limit: Numbers) -> bool:
    """True if the release numbers of a version come before those of the limit. One that has none never does."""
    found = numbers(version)
    return bool(found) and _padded(found) < _padded(limit)


def satisfies(version: str, specifier: str) -> bool | None:
    """True if a version lies in a range of PEP 440; None where one of them is not written by its rules."""
    clauses = [clause.strip() for clause in specifier.split(",") if clause.strip()]
    found = [_CLAUSE.fullmatch(clause) for clause in clauses]
    plain = public(version)
    if _PLAIN.fullmatch(plain) and all(found):
        mine = _padded(numbers(plain))
        return all(_holds(mine, *clause.groups()) for clause in found if clause)
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return None


def _holds(mine: Numbers, operator: str, text: str, is_prefix: str | None) -> bool:
    exact = numbers(text)
    if is_prefix:
        return (mine[: len(exact)] == exact) == (operator == "==")
    other = _padded(exact)
    return {
        "==": mine == other,
        "!=": mine != other,
        ">=": mine >= other,
        "<=": mine <= other,
        ">": mine > other,
        "<": mine < other,
    }[operator]


def _padded(found: Numbers) -> Numbers:
    return (*found, *(0,) * (8 - len(found)))
