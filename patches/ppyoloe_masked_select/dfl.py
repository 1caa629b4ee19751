"""The DFL of PaddleDetection: two cross entropies with the bins on both sides of a target."""

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from patchkit.patching.codemod import Inspection
from patchkit.patching.fingerprint import walk
from patchkit.patching.pattern import Bindings, Pattern, filled, same
from patchkit.patching.piece import Piece, Statement
from patchkit.patching.sites import SiteState

LEFT = (Pattern("LEFT = paddle.cast(TARGET.floor(), 'int64')"), Pattern("LEFT = paddle.cast(TARGET, 'int64')"))
ENTROPY = (
    Pattern("LOSS = F.cross_entropy(DIST, SIDE - LOWER, reduction='none') * WEIGHT"),
    Pattern("LOSS = F.cross_entropy(DIST, SIDE, reduction='none') * WEIGHT"),
)
MEAN = Pattern("return (LOSS_LEFT + LOSS_RIGHT).mean(-1, keepdim=True)")

GUARD = """\
# patchkit ppyoloe-masked-select: a target that is NaN, or has not a bin on
# either side, weighs nothing and is reported
in_bins = paddle.logical_and(TARGET >= LOWER, TARGET < LAST)
if paddle.in_dynamic_mode() and not bool(in_bins.all()):
    from ppdet.utils.logger import setup_logger
    steps = getattr(OWNER, 'bad_dfl_steps', 0) + 1
    targets = getattr(OWNER, 'bad_dfl_targets', 0) + int(
        paddle.logical_not(in_bins).astype('int64').sum())
    setattr(OWNER, 'bad_dfl_steps', steps)
    setattr(OWNER, 'bad_dfl_targets', targets)
    if steps % 100 == 1:
        setup_logger(__name__).warning(
            '{} DFL targets in {} training steps were NaN or outside [{}, {}) '
            'and weigh nothing: check the boxes of the data set, the learning '
            'rate and amp'.format(targets, steps, LOWER, LAST))
TARGET = paddle.where(in_bins, TARGET, paddle.full_like(TARGET, LOWER))
"""
WEIGHED = """\
loss = LOSS_LEFT + LOSS_RIGHT
loss = paddle.where(in_bins, loss, paddle.zeros_like(loss))
return loss.mean(-1, keepdim=True)
"""
IN_BINS = Pattern(GUARD.splitlines()[2])
WEIGHED_LOSS, WEIGHED_MEAN = map(Pattern, WEIGHED.splitlines()[1:])
NEW_NAMES = {"in_bins", "loss", "steps", "targets", "setup_logger"}

LEFT_BIN = "the bin on the left of a target is `paddle.cast(target, 'int64')`, or its floor"
ENTROPIES = "two statements are `F.cross_entropy(dist, side, reduction='none') * weight`"
AVERAGED = "the last statement is `return (left + right).mean(-1, keepdim=True)`"
FREE_NAMES = f"no variable is called {', '.join(sorted(NEW_NAMES))}"
OWNED = "the function is a method of a class"


@dataclass(frozen=True)
class Dfl:
    """The function taken apart; what is missing is named in `failed`."""

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
    body = dfl.function.body.body
    if any(IN_BINS.match(statement) is not None for statement in body):
        is_whole = WEIGHED_LOSS.match(body[-2]) is not None and WEIGHED_MEAN.match(body[-1]) is not None
        return Inspection(SiteState.APPLIED if is_whole else SiteState.DRIFTED, (), () if is_whole else (AVERAGED,))
    return Inspection(SiteState.DRIFTED if dfl.failed else SiteState.PRISTINE, (), dfl.failed)


def rewrite(piece: Piece) -> Statement:
    """The function with its guard before the first statement, and the bad targets taken out of the mean."""
    dfl = _taken_apart(piece)
    assert dfl is not None
    body = cst.ensure_type(dfl.function.body, cst.IndentedBlock)
    has_docstring = dfl.function.get_docstring(clean=False) is not None
    first, rest = body.body[:has_docstring], body.body[has_docstring:-1]
    weighed = piece.statements(filled(WEIGHED, dfl.bindings))
    weighed[0] = weighed[0].with_changes(leading_lines=body.body[-1].leading_lines)  # type: ignore[attr-defined]
    guard = piece.statements(filled(GUARD, dfl.bindings))
    return dfl.function.with_changes(body=body.with_changes(body=[*first, *guard, *rest, *weighed]))


def _taken_apart(piece: Piece) -> Dfl | None:
    node = piece.node
    if (
        not isinstance(node, cst.FunctionDef)
        or node.name.value != "_df_loss"
        or not isinstance(node.body, cst.IndentedBlock)
    ):
        return None
    statements = node.body.body
    failed = []
    owner = piece.symbol.rpartition(".")[0]
    if not owner:
        failed.append(OWNED)
    parameters = [parameter.name for parameter in node.params.params]
    left = _first(LEFT, statements)
    if left is None or not any(same(left["TARGET"], name) for name in parameters):
        failed.append(LEFT_BIN)
    entropies = [found for statement in statements if (found := _first(ENTROPY, [statement]))]
    dists = {name.value for found in entropies for name in [found["DIST"]] if isinstance(name, cst.Name)}
    lowers = [found.get("LOWER") for found in entropies]
    if len(entropies) != 2 or len(dists) != 1 or (lowers[0] is None) != (lowers[1] is None):
        failed.append(ENTROPIES)
    mean = MEAN.match(statements[-1])
    if mean is None:
        failed.append(AVERAGED)
    if NEW_NAMES & {name.value for name in walk(node) if isinstance(name, cst.Name)}:
        failed.append(FREE_NAMES)
    if failed or left is None or mean is None:
        return Dfl(node, {}, tuple(failed))
    last = filled("DIST.shape[-1] - 1", entropies[0])
    lower = lowers[0] or cst.Integer("0")
    if lowers[0] is not None:
        last = filled(f"LOWER + {last}", {"LOWER": lower})
    bindings = {"OWNER": cst.parse_expression(owner), "LOWER": lower, "LAST": cst.parse_expression(last)}
    return Dfl(node, {**bindings, **mean, "TARGET": left["TARGET"]}, ())


def _first(patterns: Sequence[Pattern], statements: Sequence[cst.CSTNode]) -> Bindings | None:
    """What the first pattern that matches a statement binds."""
    hits = (pattern.match(statement) for statement in statements for pattern in patterns)
    return next((bindings for bindings in hits if bindings is not None), None)
