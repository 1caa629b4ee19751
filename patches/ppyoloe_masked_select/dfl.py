"""The DFL of PaddleDetection: two cross entropies, with the bins on both sides of a target."""

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from patchkit.patching.codemod import Inspection
from patchkit.patching.fingerprint import walk
from patchkit.patching.pattern import Bindings, Pattern, filled, same
from patchkit.patching.piece import Piece, Statement, with_comments_of
from patchkit.patching.sites import SiteState

FROM_ZERO = """\
LEFT = paddle.cast(TARGET, 'int64')
RIGHT = LEFT + 1
WEIGHT_LEFT = RIGHT.astype('float32') - TARGET
WEIGHT_RIGHT = 1 - WEIGHT_LEFT
LOSS_LEFT = F.cross_entropy(DIST, LEFT, reduction='none') * WEIGHT_LEFT
LOSS_RIGHT = F.cross_entropy(DIST, RIGHT, reduction='none') * WEIGHT_RIGHT
return (LOSS_LEFT + LOSS_RIGHT).mean(-1, keepdim=True)
"""
FROM_LOWER = """\
LEFT = paddle.cast(TARGET.floor(), 'int64')
RIGHT = LEFT + 1
WEIGHT_LEFT = RIGHT.astype('float32') - TARGET
WEIGHT_RIGHT = 1 - WEIGHT_LEFT
LOSS_LEFT = F.cross_entropy(DIST, LEFT - LOWER, reduction='none') * WEIGHT_LEFT
LOSS_RIGHT = F.cross_entropy(DIST, RIGHT - LOWER, reduction='none') * WEIGHT_RIGHT
return (LOSS_LEFT + LOSS_RIGHT).mean(-1, keepdim=True)
"""
FORMS = [[Pattern(line) for line in form.splitlines()] for form in (FROM_LOWER, FROM_ZERO)]

GUARD = """\
# patchkit ppyoloe-masked-select: a target that is NaN, or has not a bin on
# either side, weighs nothing and is reported
first_bin = LOWER
last_bin = first_bin + DIST.shape[-1] - 1
in_bins = paddle.logical_and(TARGET >= first_bin, TARGET < last_bin)
if paddle.in_dynamic_mode() and not bool(in_bins.all()):
    from ppdet.utils.logger import setup_logger
    steps = getattr(OWNER, 'bad_dfl_steps', 0) + 1
    targets = getattr(OWNER, 'bad_dfl_targets', 0) + int(
        paddle.logical_not(in_bins).astype('int64').sum())
    setattr(OWNER, 'bad_dfl_steps', steps)
    setattr(OWNER, 'bad_dfl_targets', targets)
    if steps % 100 == 1:
        setup_logger(__name__).warning(
            '{} DFL targets in {} computations of the loss were NaN or outside '
            '[{}, {}) and weigh nothing: check the boxes of the data set'.format(
                targets, steps, first_bin, last_bin))
TARGET = paddle.where(in_bins, TARGET, paddle.full_like(TARGET, first_bin))
"""
WEIGHED = """\
loss = LOSS_LEFT + LOSS_RIGHT
loss = paddle.where(in_bins, loss, paddle.zeros_like(loss))
return loss.mean(-1, keepdim=True)
"""
WEIGHED_LOSS = Pattern(WEIGHED.splitlines()[0])
NEW_NAMES = {"first_bin", "in_bins", "last_bin", "loss", "setup_logger", "steps", "targets"}

OWNED = "the function is a method of a class"
PARAMETERS = "the target and the distribution are parameters"
FREE_NAMES = f"no variable is called {', '.join(sorted(NEW_NAMES))}"


@dataclass(frozen=True)
class Dfl:
    """The function taken apart; what does not hold is named in `failed`."""

    function: cst.FunctionDef
    bindings: Bindings
    failed: tuple[str, ...]


def may_hold(text: bytes) -> bool:
    return b"def _df_loss" in text and b"cross_entropy" in text


def inspect(piece: Piece) -> Inspection | None:
    """The state of a DFL; None for any other function."""
    dfl = _taken_apart(piece)
    if dfl is None:
        return None
    if _is_guarded(piece):
        return Inspection(SiteState.APPLIED)
    return Inspection(SiteState.DRIFTED if dfl.failed else SiteState.PRISTINE, (), dfl.failed)


def rewrite(piece: Piece) -> Statement:
    """The function with its guard before the first statement, and the bad targets taken out of the mean."""
    dfl = _taken_apart(piece)
    assert dfl is not None
    body = cst.ensure_type(dfl.function.body, cst.IndentedBlock)
    has_docstring = dfl.function.get_docstring(clean=False) is not None
    first, rest = body.body[:has_docstring], body.body[has_docstring:-1]
    guard = piece.statements(filled(GUARD, dfl.bindings))
    weighed = with_comments_of(body.body[-1], piece.statements(filled(WEIGHED, dfl.bindings)))
    return dfl.function.with_changes(body=body.with_changes(body=[*first, *guard, *rest, *weighed]))


def _taken_apart(piece: Piece) -> Dfl | None:
    node = piece.node
    if not isinstance(node, cst.FunctionDef) or not isinstance(node.body, cst.IndentedBlock):
        return None
    if node.name.value != "_df_loss":
        return None
    statements = _without_docstring(node)
    owner = _owner(piece)
    bindings, failed = _matched_form(statements)
    if not failed:
        parameters = [parameter.name for parameter in node.params.params]
        given = [any(same(bindings[name], parameter) for parameter in parameters) for name in ("TARGET", "DIST")]
        taken = NEW_NAMES & {name.value for name in walk(node) if isinstance(name, cst.Name)}
        failed = [
            text for text, holds in ((OWNED, owner), (PARAMETERS, all(given)), (FREE_NAMES, not taken)) if not holds
        ]
    return Dfl(node, _completed(piece, bindings), tuple(failed))


def _is_guarded(piece: Piece) -> bool:
    """True if the guard and the mean stand there as this patch writes them, around a DFL of a known form."""
    statements = _without_docstring(cst.ensure_type(piece.node, cst.FunctionDef))
    size, end = len(piece.statements(GUARD)), len(piece.statements(WEIGHED))
    inner, ending = statements[size:-end], statements[-end:]
    loss = WEIGHED_LOSS.match(ending[0]) if len(statements) > size + end else None
    if loss is None:
        return False
    mean = cst.parse_statement(filled(FROM_ZERO.splitlines()[-1], loss))
    bindings, failed = _matched_form([*inner, mean])
    if failed:
        return False
    code = filled(GUARD + WEIGHED, _completed(piece, bindings))
    return all(map(same, [*statements[:size], *ending], piece.statements(code)))


def _without_docstring(function: cst.FunctionDef) -> Sequence[cst.BaseStatement]:
    body = cst.ensure_type(function.body, cst.IndentedBlock)
    return body.body[function.get_docstring(clean=False) is not None :]


def _owner(piece: Piece) -> str:
    """The class that the function is a method of."""
    return piece.symbol.rpartition(".")[0]


def _completed(piece: Piece, bindings: Bindings) -> Bindings:
    return {"LOWER": cst.Integer("0"), **bindings, "OWNER": cst.parse_expression(_owner(piece) or "owner")}


def _matched_form(statements: Sequence[cst.BaseStatement]) -> tuple[Bindings, list[str]]:
    tries = [_matched(form, statements) for form in FORMS]
    return next((done for done in tries if not done[1]), tries[0])


def _matched(form: list[Pattern], statements: Sequence[cst.BaseStatement]) -> tuple[Bindings, list[str]]:
    """What a form binds in a function that is written like it; else its first statement that is not there."""
    bindings: Bindings = {}
    for pattern, statement in zip(form, [*statements, *[None] * len(form)], strict=False):
        found = pattern.match(statement, bindings)
        if found is None:
            return {}, [f"the next statement is `{pattern.code}`"]
        bindings = found
    return bindings, [] if len(statements) == len(form) else ["the function ends with the mean"]
