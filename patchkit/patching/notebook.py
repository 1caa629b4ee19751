"""Any codemod on a Jupyter notebook: it sees each code cell as a Python file; every other byte of the JSON stays."""

from collections.abc import Mapping
from dataclasses import replace

from patchkit.errors import BrokenPack, SourceUnreadable
from patchkit.patching.cells import Cell, Notebook, names_of, read_notebook
from patchkit.patching.codemod import MODULE
from patchkit.patching.magics import masked, unmasked
from patchkit.patching.sites import NOTHING_IMPORTED, REPORT_HINT, FileCodemod, Rewrite, Site

SUFFIX = ".ipynb"


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
        found, edited = self._rewrite_cells(notebook, path, known, allow_drift)
        if not edited:
            return Rewrite(found, source, found)
        new = notebook.with_cells(edited)
        after, more = self._rewrite_cells(read_notebook(new, path), path, known, allow_drift)
        if more:
            raise BrokenPack(f"{path}: the codemod is not done after one run", REPORT_HINT)
        return Rewrite(found, new, after)

    def _rewrite_cells(
        self, notebook: Notebook, path: str, known: frozenset[str], allow_drift: bool
    ) -> tuple[tuple[Site, ...], dict[int, str]]:
        """The sites of all cells, and the new text of those that change, by their number."""
        names = names_of(notebook)
        sites: list[Site] = []
        edited = {}
        for cell in notebook.cells:
            place = f"{path}, cells[{cell.number}]"
            python = masked(cell.text)
            if python is None:  # the body of a cell magic in another language
                continue
            if not python.parses and not all(anchor.decode() in cell.text for anchor in self.anchors):
                continue
            try:
                text = python.text.encode("utf-8")
            except UnicodeEncodeError as error:
                raise SourceUnreadable(f"{place}: {error.reason}", "repair the cell") from error
            done = self._codemod.rewrite_file(
                text, place, required=(), known=known, allow_drift=allow_drift, names=names
            )
            sites += [_in_notebook(site, cell) for site in done.sites]
            if done.source != text:
                edited[cell.number] = unmasked(done.source.decode("utf-8"), python)
        return tuple(sites), edited


def _in_notebook(site: Site, cell: Cell) -> Site:
    place = f"cells[{cell.number}]"
    symbol = place if site.symbol == MODULE else f"{place}.{site.symbol}"
    return replace(site, symbol=symbol, line=cell.line_in_file(site.line))
