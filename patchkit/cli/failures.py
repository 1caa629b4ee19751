"""The one place where failures become text and exit codes."""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from patchkit.errors import PatchkitError

FAILED, BUG, INTERRUPTED = 2, 3, 130
P = ParamSpec("P")


def guarded(command: Callable[P, int]) -> Callable[P, None]:
    """The command, with its return value as exit code and its failures told as fact, place and next step."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        raise SystemExit(_code(command, *args, **kwargs))

    return run


def _code(command: Callable[P, int], *args: P.args, **kwargs: P.kwargs) -> int:
    try:
        code = command(*args, **kwargs)
        sys.stdout.flush()
    except PatchkitError as error:
        _tell(command.__name__.rstrip("_").replace("_", "-"), error, as_json=kwargs.get("format") == "json")
        return FAILED
    except KeyboardInterrupt:
        say("patchkit: interrupted\n")
        return INTERRUPTED
    except OSError as error:
        return output_failed(error)
    except Exception:
        traceback.print_exc()
        say("patchkit: this is a bug in patchkit; please report it with the lines above\n")
        return BUG
    return code


def output_failed(error: OSError) -> int:
    """Tell that the output could not be written. Files of a target fail under names of their own."""
    if not isinstance(error, BrokenPipeError):  # the reader went away: `patchkit list | head -1`
        place = error.filename or "the output"
        say(f"patchkit: {place}: {error.strerror or error}\nhint: see to it and run the command again\n")
    _discard_output()
    return FAILED


def _discard_output() -> None:
    """Keep the interpreter from writing once more, at its end, what could not be written."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """Write to stderr; if nobody can read it, the exit code still tells."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _tell(command: str, error: PatchkitError, *, as_json: bool) -> None:
    if as_json:
        from patchkit.output.json import render_error

        sys.stdout.write(render_error(command, error))
    from patchkit.output.visible import visible_lines

    say(f"patchkit: {visible_lines(error.message)}\n")
    if error.hint:
        say(f"hint: {visible_lines(error.hint)}\n")
