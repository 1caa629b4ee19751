"""The table of `verify --numerics`."""

from collections.abc import Iterator, Sequence

from patchkit.numerics.rows import Difference, Pair, Row

# Of each pair: original, then patched. In brackets what is allowed.
HEAD = (
    *("dtype", "on", "values: abs", "rel", "equal", "gradients: abs", "rel", "equal"),
    *("off float64", "forward ms", "backward ms", "peak MiB"),
)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Lines: for each site and kind of inputs its rows, then what differs by design."""
    for site in dict.fromkeys(row.site for row in rows):
        yield f"       {site}"
        compared = [row for row in rows if row.site == site and not row.by_design]
        for inputs in dict.fromkeys(row.inputs for row in compared):
            yield f"         {inputs}"
            alike = [row for row in compared if row.inputs == inputs]
            yield from _aligned([HEAD, *map(_cells, alike)])
            said = [row for row in alike if row.message]
            yield from (
                f"           {'' if row.ok else 'FAILED '}{row.dtype} on {row.device}: {row.message}" for row in said
            )
        for row in rows:
            if row.site == site and row.by_design:
                state = "by design, " if row.compared else ""
                yield f"         {state if row.ok else 'FAILED: not as designed, '}{row.inputs}: {row.message}"


def _aligned(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield ("           " + "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    errors = [pair for pair in (row.forward_error, row.gradient_error) if pair is not None]
    error = f"{_pair(_worst(errors), '{:.1e}')}{_allowed(row.error_tolerance)}" if errors else "-"
    return (
        *(row.dtype, row.device, *_difference(row.forward), *_difference(row.gradient), error),
        *(_pair(row.forward_ms, "{:.2f}"), _pair(row.backward_ms, "{:.2f}"), _pair(row.peak_bytes, "{:.1f}", 1 << 20)),
    )


def _worst(errors: Sequence[Pair]) -> Pair:
    """Of values and gradients: what is allowed is the same for both."""
    originals = [pair.original for pair in errors if pair.original is not None]
    return Pair(max(originals, default=None), max(pair.patched for pair in errors if pair.patched is not None))


def _difference(found: Difference | None) -> tuple[str, str, str]:
    if found is None:
        return ("-", "-", "-")
    allowed = _allowed(found.tolerance)
    if found.bit_equal:
        return (f"0{allowed}", "0", "yes")
    return (f"{found.max_abs:.1e}{allowed}", f"{found.max_rel:.1e}", "no")


def _allowed(tolerance: float | None) -> str:
    return "" if tolerance is None else f" ({tolerance:.0e})".replace("0e+00", "0")


def _pair(pair: Pair | None, form: str, unit: float = 1) -> str:
    if pair is None:
        return "-"
    return " / ".join("-" if value is None else form.format(value / unit) for value in (pair.original, pair.patched))
