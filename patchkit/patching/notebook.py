"""Any codemod on a Jupyter notebook: it sees each code cell as a Python file; every other byte of the JSON stays."""

from collections.abc import Mapping
from dataclasses import replace

from patchkit.edits import Edit, edits_between, line_starts
from patchkit.errors import BrokenPack, SourceUnreadable
from patchkit.patching.cells import Cell, Notebook, names_of, read_notebook
from patchkit.patching.codemod import MODULE, SiteCodemod
from patchkit.patching.magics import Masked, masked, unmasked
from patchkit.patching.sites import NOTHING_IMPORTED, REPORT_HINT, FileCodemod, Rewrite, Site, SiteState

SUFFIX = ".ipynb"
IN_MAGIC = "the code does not stand on the line of a magic"


class NotebookCodemod:
    """A codemod for Python source, lifted to notebooks. A site is named by its cell: `cells[17].criterion`."""

    def __init__(self, codemod: FileCodemod) -> None:
        self._codemod = codemod
        self.anchors = codemod.anchors

    def rewrite_file(
        self,
        source: bytes,
        path: str,
        *,
        required: tuple[str, ...],
        known: frozenset[str],
        allow_drift: bool,
        names: Mapping[str, str] = NOTHING_IMPORTED,
    ) -> Rewrite:
        """The sites of a notebook and its rewritten bytes; the lines are those of the JSON file.

        Raises   SourceUnreadable if it is no notebook of nbformat 4, or a cell with the anchors does not parse.
        """
        notebook = read_notebook(source, path)
        found, edits = self._rewrite_cells(notebook, path, known, allow_drift)
        if not edits:
            return Rewrite(found, source, found)
        new = notebook.with_edits(edits)
        after, more = self._rewrite_cells(read_notebook(new, path), path, known, allow_drift)
        if more:
            raise BrokenPack(f"{path}: the codemod is not done after one run", REPORT_HINT)
        return Rewrite(found, new, after)

    def _rewrite_cells(
        self, notebook: Notebook, path: str, known: frozenset[str], allow_drift: bool
    ) -> tuple[tuple[Site, ...], dict[int, list[Edit]]]:
        """The sites of all cells, and the edits of those that change, by their number."""
        names = names_of(notebook)
        sites: list[Site] = []
        edits: dict[int, list[Edit]] = {}
        for cell in notebook.cells:
            place = f"{path}, cells[{cell.number}]"
            python = masked(cell.text)
            if python is None:  # the body of a cell magic in another language
                continue
            if not python.parses and not self._mentions(cell.text, names):
                continue
            for number, line in python.hidden:
                if self._mentions(line, names):
                    sites.append(_in_notebook(Site(MODULE, number + 1, SiteState.DRIFTED, failed=(IN_MAGIC,)), cell))
            try:
                text = python.text.encode("utf-8")
            except UnicodeEncodeError as error:
                raise SourceUnreadable(f"{place}: {error.reason}", "repair the cell") from error
            done = self._codemod.rewrite_file(
                text, place, required=(), known=known, allow_drift=allow_drift, names=names
            )
            sites += [_in_notebook(site, cell) for site in done.sites]
            if done.source != text:
                edits[cell.number] = _edits(cell, python, done)
        return tuple(sites), edits

    def _mentions(self, text: str, names: Mapping[str, str]) -> bool:
        """True if some text may hold the code that the codemod mends."""
        source = text.encode("utf-8", errors="replace")
        if isinstance(self._codemod, SiteCodemod):
            return self._codemod.mentions(source, lambda: names)
        return all(anchor in source for anchor in self.anchors)


def _edits(cell: Cell, python: Masked, done: Rewrite) -> list[Edit]:
    """What changes in the text of a cell, piece by piece: so that no line is compared with the whole cell."""
    if done.changes is None:
        return edits_between(cell.text, unmasked(done.source.decode("utf-8"), python))
    starts = line_starts(cell.text)
    edits = []
    for first, last, new in done.changes:
        start, end = starts[first - 1], starts[last]
        for edit in edits_between(cell.text[start:end], unmasked(new, python)):
            edits.append(Edit(start + edit.start, start + edit.end, edit.text))
    return edits


def _in_notebook(site: Site, cell: Cell) -> Site:
    place = f"cells[{cell.number}]"
    symbol = place if site.symbol == MODULE else f"{place}.{site.symbol}"
    return replace(site, symbol=symbol, line=cell.line_in_file(site.line))
