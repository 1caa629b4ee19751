"""The codemod of `retinanet-label-guard`."""

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from patchkit.patching.codemod import Inspection, Names, SiteCodemod
from patchkit.patching.fingerprint import walk
from patchkit.patching.outline import Outline
from patchkit.patching.pattern import Bindings, Pattern, filled, same
from patchkit.patching.piece import Piece, Statement, with_comments_of
from patchkit.patching.sites import SiteState

# The line that trains the wrong class with a negative label, and fails with one that is too large.
ONE_HOT = Pattern("ONE_HOT[FOREGROUND, TARGETS['labels'][MATCHED[FOREGROUND]]] = 1.0")
LOOP = Pattern("TARGETS, LOGITS, MATCHED")
OVER = Pattern("zip(ALL_TARGETS, ALL_LOGITS, ALL_MATCHED)")
START = Pattern("LOSSES = []")
APPEND = Pattern("LOSSES.append(LOSS)")
MEAN = Pattern("return _sum(LOSSES) / len(ALL_TARGETS)")

GUARD = """\
# patchkit retinanet-label-guard: an image with a label outside [0, num_classes) does not count here
labels_per_image = TARGETS["labels"]
bad_labels = labels_per_image[(labels_per_image < 0) | (labels_per_image >= LOGITS.shape[-1])]
if len(bad_labels) > 0:
    if not torch.jit.is_scripting():
        self.skipped_images = getattr(self, "skipped_images", 0) + 1
        warnings.warn(
            f"image_id {TARGETS.get('image_id')}: labels {bad_labels.unique().tolist()} are outside "
            f"[0, {LOGITS.shape[-1]}), its classification loss is skipped"
        )
    continue
"""
VALID_MEAN = """\
if len(LOSSES) == 0:  # no valid image: a zero that every parameter of the head still belongs to
    return (ALL_LOGITS * 0).sum()
return _sum(LOSSES) / len(LOSSES)
"""
VALID_RETURN = Pattern(VALID_MEAN.splitlines()[2])
LABELS = Pattern("TARGETS['labels']")

INDEXED = "the one-hot target is set by `TARGET[FOREGROUND, TARGETS['labels'][MATCHED[FOREGROUND]]] = 1.0`"
LOOPED = "one loop runs over `zip(targets, cls_logits, matched_idxs)`"
COLLECTED = "the losses of the images are collected in a list that starts empty"
ONCE = "each image adds one loss at the end of the loop, and nothing else is added, counted or passed over"
AVERAGED = "the last statement is `return _sum(losses) / len(targets)`"
NEW_NAMES = {"bad_labels", "labels_per_image"}
FREE_NAMES = f"no variable is called {' or '.join(sorted(NEW_NAMES))}"
IMPORTED = "the module imports `torch` and `warnings`"


@dataclass(frozen=True)
class Loss:
    """The classification loss, taken apart; what is missing is named in `failed`."""

    node: cst.FunctionDef
    statements: Sequence[cst.BaseStatement]
    loop: cst.For | None
    bindings: Bindings
    one_hot: cst.CSTNode | None
    failed: tuple[str, ...]
    is_guarded: bool = False


class Codemod(SiteCodemod):
    """Leave images with labels outside [0, num_classes) out of `RetinaNetClassificationHead.compute_loss`.

    Shapes   labels (n_boxes,) int64 of one image; cls_logits (N, anchors, num_classes); the loss is a scalar.
    Source   torchvision/models/detection/retinanet.py; mlcommons/training single_stage_detector/ssd/model/retinanet.py.
    """

    anchors = (b"RetinaNetClassificationHead", b"compute_loss", b"labels")

    def may_hold(self, text: bytes, outline: Outline, names: Names) -> bool:
        return b"def compute_loss" in text and b"labels" in text

    def inspect(self, piece: Piece) -> Inspection | None:
        loss = _taken_apart(piece)
        if loss is None:
            return None
        places = (loss.one_hot,) if loss.one_hot is not None else ()
        if loss.is_guarded:
            return Inspection(SiteState.APPLIED, places)
        return Inspection(SiteState.DRIFTED if loss.failed else SiteState.PRISTINE, places, loss.failed)

    def rewrite(self, piece: Piece) -> Statement:
        loss = _taken_apart(piece)
        assert loss is not None and loss.loop is not None
        body = cst.ensure_type(loss.loop.body, cst.IndentedBlock)
        guard = piece.statements(filled(GUARD, loss.bindings))
        loop = loss.loop.with_changes(body=body.with_changes(body=[*guard, *body.body]))
        mean = with_comments_of(loss.statements[-1], piece.statements(filled(VALID_MEAN, loss.bindings)))
        kept = [loop if statement is loss.loop else statement for statement in loss.statements[:-1]]
        return loss.node.with_changes(body=loss.node.body.with_changes(body=[*kept, *mean]))


def _taken_apart(piece: Piece) -> Loss | None:
    """None for a function that is no such loss."""
    node = piece.node
    if not isinstance(node, cst.FunctionDef) or not isinstance(node.body, cst.IndentedBlock):
        return None
    statements = node.body.body
    hits = list(ONE_HOT.find(node))
    near = [target for target in walk(node) if isinstance(target, cst.AssignTarget) and _is_indexed_by_labels(target)]
    if not hits and not near:
        return None
    loops = [statement for statement in statements if isinstance(statement, cst.For)]
    bindings: Bindings = {**hits[0][1]} if hits else {}
    loop = loops[0] if len(loops) == 1 else None
    header = loop and LOOP.match(loop.target, bindings)
    over = (loop and header and OVER.match(loop.iter, header)) or None
    one_hot = hits[0][0] if hits else near[0]
    if loop is not None and over is not None and _is_guarded(piece, loop, statements, over):
        return Loss(node, statements, loop, over, one_hot, (), is_guarded=True)
    mean = MEAN.match(statements[-1], over or {})
    checks = {
        INDEXED: len(hits) == len(near) == 1,
        LOOPED: over is not None and loop is not None and isinstance(loop.body, cst.IndentedBlock),
        AVERAGED: mean is not None,
        COLLECTED: mean is not None and any(START.match(statement, mean) is not None for statement in statements),
        ONCE: mean is not None and loop is not None and _adds_one_loss_each(node, loop, mean),
        IMPORTED: all(piece.names.get(name) == name for name in ("torch", "warnings")),
        FREE_NAMES: not NEW_NAMES & {name.value for name in walk(node) if isinstance(name, cst.Name)},
    }
    failed = tuple(text for text, holds in checks.items() if not holds)
    return Loss(node, statements, loop, mean or over or bindings, one_hot, failed)


def _is_indexed_by_labels(target: cst.AssignTarget) -> bool:
    return isinstance(target.target, cst.Subscript) and any(True for _ in LABELS.find(target.target))


def _adds_one_loss_each(function: cst.FunctionDef, loop: cst.For, bindings: Bindings) -> bool:
    """True if the mean over the list is the mean over the images, also when some of them are left out."""
    name = cst.ensure_type(bindings["LOSSES"], cst.Name).value
    uses = [node for node in walk(function) if isinstance(node, cst.Name) and node.value == name]
    jumps = [node for node in walk(loop) if isinstance(node, (cst.Continue, cst.Break, cst.Return, cst.AugAssign))]
    last = loop.body.body[-1]
    return len(uses) == 3 and not jumps and APPEND.match(last, bindings) is not None and loop.orelse is None


def _is_guarded(piece: Piece, loop: cst.For, statements: Sequence[cst.BaseStatement], bindings: Bindings) -> bool:
    """True if the guard stands at the start of the loop as this patch writes it, and the mean at the end."""
    found = VALID_RETURN.match(statements[-1], bindings)
    if found is None:
        return False
    guard = piece.statements(filled(GUARD, found))
    mean = piece.statements(filled(VALID_MEAN, found))
    ours = [*loop.body.body[: len(guard)], *statements[-len(mean) :]]
    return len(ours) == len(guard) + len(mean) and all(map(same, ours, [*guard, *mean]))
