"""The commands for those who maintain patches."""

import sys
from enum import Enum
from typing import Annotated

import typer

from patchkit.cli.application import app
from patchkit.cli.failures import guarded, say


class MatrixFormat(str, Enum):
    text = "text"
    json = "json"
    markdown = "markdown"


@app.command()
@guarded
def matrix(
    id: Annotated[str, typer.Argument(metavar="ID")],
    versions: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC", help="A range, '>=8.3,<8.4', or a list, 8.3.0,8.4.0; by default those tested before."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if the table of the room is not what is found.")
    ] = False,
    format: Annotated[MatrixFormat, typer.Option("--format", help="text, json, or markdown for a README.")] = (
        MatrixFormat.text
    ),
) -> int:
    """For maintainers: the codemod against published releases, fetched with pip. Writes the room's table."""
    from patchkit.output import json, text
    from patchkit.patching import results as r
    from patchkit.patching.matrix import matrix as run
    from patchkit.patching.matrix import merged
    from patchkit.patching.packs import find_room
    from patchkit.patching.tested import dumped, load_table, write_table

    room = find_room(id)
    found = run(room, versions, with_newest=not check)
    table = merged(load_table(room.folder), found)
    is_same = dumped(table) == dumped(load_table(room.folder))
    if format is MatrixFormat.json:
        sys.stdout.write(json.render_matrix(room, found, is_same=is_same))
    elif format is MatrixFormat.markdown:
        sys.stdout.write(text.render_matrix_markdown(table))
    else:
        sys.stdout.write(text.render_matrix(room, found))
    if any(release.outcome == r.CONFLICT for release in found):
        say("patchkit: a release is in conflict with the codemod; the table was not written\n")
        return 2
    if not check and write_table(room.folder, table):
        say(f"patchkit: wrote the table of {room.id}\n")
    return 1 if check and not is_same else 0
