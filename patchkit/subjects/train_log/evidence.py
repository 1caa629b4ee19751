"""Lines of a log as evidence."""

from patchkit.subjects.train_log.log import Line, Raised

LEAD = 60  # letters of a progress bar that stands before what was found
WIDTH = 240


def evidence(*seen: Line | Raised | None) -> str:
    """The lines with their numbers; of a traceback the call in the code of the user, and the exception."""
    rows: dict[str, None] = {}
    told = {one.last for one in seen if isinstance(one, Raised) and one.traceback.error}
    for one in sorted((one for one in seen if one is not None), key=lambda one: one.number):
        if isinstance(one, Line):
            if one.number not in told:
                rows[f"{one.number}: {_part(one.text, one.at)}"] = None
        else:
            rows.update(dict.fromkeys(_calls(one)))
    return "\n".join(rows)


def numbers_in(rows: str) -> set[int]:
    """The numbers of the lines that are evidence."""
    return {int(row.partition(":")[0]) for row in rows.split("\n")}


def _part(text: str, at: int) -> str:
    start = at - LEAD if at > 2 * LEAD else 0
    part = text[start : start + WIDTH].strip()
    return f"{'... ' if start else ''}{part}{' ...' if len(text) > start + WIDTH else ''}"


def _calls(raised: Raised) -> list[str]:
    traceback = raised.traceback
    rows = []
    own = [frame for frame in traceback.frames if not frame.is_library]
    shown = dict.fromkeys([*own[-1:], *traceback.frames[-1:]])
    for frame in shown:
        code = f": {frame.code}" if frame.code else ""
        rows.append(f"{raised.number}: {_part(f'{frame.file}:{frame.line} in {frame.function}{code}', 0)}")
    if traceback.error:
        rows.append(f"{raised.last}: {_part(traceback.error, 0)}")
    return rows
