"""The selection of positive samples: `masked_select` under a tiled mask, or `gather_nd` of rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from patchkit.patching.codemod import Inspection
from patchkit.patching.fingerprint import walk
from patchkit.patching.pattern import Pattern, filled
from patchkit.patching.piece import Piece, Statement
from patchkit.patching.sites import SiteState

SELECT = Pattern("paddle.masked_select(X, MASK)")
RESHAPED = Pattern("SELECTED.reshape(SHAPE)")
GATHER = Pattern("paddle.gather_nd(X, positive_index)")
POSITIVE = Pattern("POSITIVE = LABELS != self.num_classes")
TILED = (
    Pattern("MASK = POSITIVE.unsqueeze(-1).tile([1, 1, WIDTH])"),
    Pattern("MASK = POSITIVE.astype('int32').unsqueeze(-1).tile([1, 1, WIDTH]).astype('bool')"),
    Pattern("MASK = POSITIVE.unsqueeze(-1).astype('int32').tile([1, 1, WIDTH]).astype('bool')"),
)
INDEX = """\
# patchkit ppyoloe-masked-select: rows by their index, because
# masked_select returns foreign values with some builds of paddle
positive_index = paddle.nonzero(POSITIVE)
"""
INDEXED = Pattern(INDEX.splitlines()[2])

KNOWN_MASK = "every selection is `paddle.masked_select(X, MASK)` with a mask of the positive samples"
TILED_MASK = "the masks are `POSITIVE.unsqueeze(-1).tile([1, 1, WIDTH])`, used for selections alone"
ROWS = "what is selected under a tiled mask is brought to rows by `.reshape(...)`"
READ_ONLY = "the mask of the positive samples is not changed in place"
POSITIVES = "the positive samples are `LABELS != self.num_classes`"
ONE_BLOCK = "the masks and, after the first one, all selections stand in one block"
FREE_NAME = "no variable is called `positive_index`"


@dataclass(frozen=True)
class Selection:
    """What a function selects, and under which masks."""

    selects: Sequence[cst.CSTNode]
    masks: Sequence[cst.CSTNode]  # the assignments of tiled masks
    positive: cst.CSTNode | None  # the mask of the samples
    failed: tuple[str, ...]


def may_hold(text: bytes) -> bool:
    return b"masked_select" in text or b"positive_index" in text


def inspect(piece: Piece) -> Inspection | None:
    """The state of a function that selects positive samples; None for any other."""
    if not isinstance(piece.node, cst.FunctionDef):
        return None
    gathers = [node for node, _ in GATHER.find(piece.node)]
    calls = [node for node in walk(piece.node) if isinstance(node, cst.Name) and node.value == "masked_select"]
    if not calls:
        is_ours = gathers and any(True for _ in INDEXED.find(piece.node))
        return Inspection(SiteState.APPLIED, tuple(gathers)) if is_ours else None
    found = _selection(piece.node)
    if not found.masks and not any(True for _ in POSITIVE.find(piece.node)):
        return None  # it selects something else
    failed = found.failed if len(found.selects) == len(calls) else (KNOWN_MASK, *found.failed)
    if failed:
        return Inspection(SiteState.DRIFTED, tuple(found.selects) or (calls[0],), failed)
    return Inspection(SiteState.PRISTINE, tuple(found.selects))


def rewrite(piece: Piece) -> Statement:
    """The function with one index of the positive samples in place of the tiled masks."""
    node = piece.node
    found = _selection(node)
    index = piece.statements(filled(INDEX, {"POSITIVE": found.positive} if found.positive is not None else {}))
    while selects := list(SELECT.find(node)):  # anew each time: replacing one node rebuilds the tree
        call = cst.ensure_type(selects[0][0], cst.Call)
        gather = call.with_changes(
            func=cst.ensure_type(call.func, cst.Attribute).with_changes(attr=cst.Name("gather_nd")),
            args=[call.args[0], call.args[1].with_changes(value=cst.Name("positive_index"))],
        )
        node = cst.ensure_type(node.deep_replace(call, gather), cst.FunctionDef)
    replaced = node.visit(_Masks([cst.ensure_type(mask, cst.Assign) for mask in _masks(node)], index))
    return cst.ensure_type(replaced, cst.FunctionDef)


def _selection(function: cst.CSTNode) -> Selection:
    masks = _masks(function)
    tiled = [bindings for mask in masks if (bindings := _tiled(mask)) is not None]
    names = {_name(bindings["MASK"]) for bindings in tiled}
    samples = {_name(bindings["POSITIVE"]) for bindings in tiled}
    selects = [(call, _name(found["MASK"])) for call, found in SELECT.find(function)]
    selects = [(call, mask) for call, mask in selects if mask in names | samples]
    uses = [node for node in walk(function) if isinstance(node, cst.Name) and node.value in names]
    reshaped = {id(bindings["SELECTED"]) for _, bindings in RESHAPED.find(function)}
    checks = (
        (ROWS, all(id(call) in reshaped for call, mask in selects if mask in names)),
        (READ_ONLY, not _is_changed(function, samples)),
        (TILED_MASK, len(samples) == 1 and len(uses) == len(masks) + sum(mask in names for _, mask in selects)),
        (POSITIVES, _are_positives(function, samples)),
        (ONE_BLOCK, _stand_in_one_block(function, masks, [call for call, _ in selects])),
        (FREE_NAME, not any(isinstance(node, cst.Name) and node.value == "positive_index" for node in walk(function))),
    )
    failed = tuple(text for text, holds in checks if not holds)
    positive = tiled[0]["POSITIVE"] if tiled else None
    return Selection([call for call, _ in selects], masks, positive, failed)


def _is_changed(function: cst.CSTNode, names: set[str]) -> bool:
    """True if a mask is changed in place: `mask[0] = x`, or a method whose name ends with `_`."""
    for node in walk(function):
        if isinstance(node, (cst.AssignTarget, cst.AugAssign)) and isinstance(node.target, cst.Subscript):
            if _name(node.target.value) in names:
                return True
        elif isinstance(node, cst.Attribute) and node.attr.value.endswith("_") and _name(node.value) in names:
            return True
    return False


def _stand_in_one_block(function: cst.CSTNode, masks: Sequence[cst.CSTNode], selects: Sequence[cst.CSTNode]) -> bool:
    """True if the first mask is set on the way to every other mask and to every selection."""
    blocks = [node.body for node in walk(function) if isinstance(node, cst.IndentedBlock)]
    lines = [[_alone(statement) for statement in block] for block in blocks]
    block, alone = next(
        ((block, line) for block, line in zip(blocks, lines, strict=True) if masks and masks[0] in line), ((), [])
    )
    if not block or not all(mask in alone for mask in masks):
        return False
    after = {id(node) for statement in block[alone.index(masks[0]) + 1 :] for node in walk(statement)}
    return all(id(call) in after for call in selects)


def _alone(statement: cst.CSTNode) -> cst.CSTNode | None:
    """What stands alone on its line."""
    return statement.body[0] if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1 else None


def _masks(function: cst.CSTNode) -> list[cst.CSTNode]:
    return [node for node in walk(function) if isinstance(node, cst.Assign) and _tiled(node)]


def _tiled(node: cst.CSTNode) -> dict[str, cst.CSTNode] | None:
    return next(filter(None, (pattern.match(node) for pattern in TILED)), None)


def _are_positives(function: cst.CSTNode, names: set[str]) -> bool:
    """True if the one name is the mask of the positive samples: compared here, or handed over under that name."""
    assigned = {_name(bindings["POSITIVE"]) for _, bindings in POSITIVE.find(function)}
    given = {node.name.value for node in walk(function) if isinstance(node, cst.Param)} & {"mask_positive"}
    targets = [node.target for node in walk(function) if isinstance(node, (cst.AssignTarget, cst.AugAssign))]
    is_set_once = sum(_name(target) in names for target in targets) == (0 if names <= given else 1)
    return bool(names) and names <= assigned | given and is_set_once


def _name(node: cst.CSTNode) -> str:
    return node.value if isinstance(node, cst.Name) else ""


class _Masks(cst.CSTTransformer):
    """The index in place of the first mask; the others go, and leave the lines before them to what follows."""

    def __init__(self, masks: Sequence[cst.Assign], index: Sequence[Statement]) -> None:
        super().__init__()
        self._masks = masks
        self._index = index

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        kept: list[cst.BaseStatement] = []
        lines: list[cst.EmptyLine] = []
        for before, statement in zip(original_node.body, updated_node.body, strict=True):
            small = before.body[0] if isinstance(before, cst.SimpleStatementLine) else None
            new = [statement]
            if small is self._masks[0]:
                new = list(self._index)
            elif any(small is mask for mask in self._masks):
                new = []
            own = new[0].leading_lines if new and new[0] is not statement else ()  # type: ignore[attr-defined]
            lines += [*statement.leading_lines, *own]  # type: ignore[attr-defined]
            comment = statement.trailing_whitespace.comment if isinstance(statement, cst.SimpleStatementLine) else None
            if new != [statement] and comment is not None:
                lines.append(cst.EmptyLine(comment=comment))
            if new:
                kept += [new[0].with_changes(leading_lines=lines), *new[1:]]
                lines = []
        return updated_node.with_changes(body=kept)
