"""The codemod of `retinanet-label-guard`."""

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from patchkit.patching.codemod import Inspection, Names, SiteCodemod
from patchkit.patching.fingerprint import walk
from patchkit.patching.outline import Outline
from patchkit.patching.pattern import Bindings, Pattern, filled
from patchkit.patching.piece import Piece, Statement, with_comments_of
from patchkit.patching.sites import SiteState

# The line that trains the wrong class with a negative label, and fails with one that is too large.
ONE_HOT = Pattern("ONE_HOT[FOREGROUND, TARGETS['labels'][MATCHED[FOREGROUND]]] = 1.0")
LOOP = Pattern("TARGETS, LOGITS, MATCHED")
OVER = Pattern("zip(ALL_TARGETS, ALL_LOGITS, ALL_MATCHED)")
START = Pattern("LOSSES = []")
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
BAD_LABELS = Pattern(GUARD.splitlines()[2])
VALID_RETURN = Pattern(VALID_MEAN.splitlines()[2])

INDEXED = "the one-hot target is set by `TARGET[FOREGROUND, TARGETS['labels'][MATCHED[FOREGROUND]]] = 1.0`"
LOOPED = "one loop runs over `zip(targets, cls_logits, matched_idxs)`"
COLLECTED = "the losses of the images are collected in a list that starts empty"
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


class Codemod(SiteCodemod):
    """Leave images with labels outside [0, num_classes) out of `RetinaNetClassificationHead.compute_loss`.

    Shapes   labels (n_boxes,) int64 of one image; cls_logits (N, anchors, num_classes); the loss is a scalar.
    Source   torchvision/models/detection/retinanet.py; mlcommons/training single_stage_detector/ssd/model/retinanet.py.
    """

    anchors = (b"RetinaNetClassificationHead", b"compute_loss", b"labels")

    def may_hold(self, text: bytes, outline: Outline, names: Names) -> bool:
        return b"def compute_loss" in text and b"labels" in text and b"cls_logits" in text

    def inspect(self, piece: Piece) -> Inspection | None:
        loss = _taken_apart(piece)
        if loss is None:
            return None
        places = (loss.one_hot,) if loss.one_hot is not None else ()
        if loss.loop is not None and any(True for _ in BAD_LABELS.find(loss.loop)):
            is_whole = VALID_RETURN.match(loss.statements[-1], {}) is not None
            if not is_whole:
                return Inspection(SiteState.DRIFTED, places, (AVERAGED,))
            return Inspection(SiteState.APPLIED, places)
        if loss.failed:
            return Inspection(SiteState.DRIFTED, places, loss.failed)
        return Inspection(SiteState.PRISTINE, places)

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
    loops = [statement for statement in statements if isinstance(statement, cst.For)]
    if not hits and not piece.symbol.startswith("RetinaNetClassificationHead."):
        return None
    failed = [] if len(hits) == 1 else [INDEXED]
    bindings: Bindings = {**hits[0][1]} if hits else {}
    loop = loops[0] if len(loops) == 1 else None
    header = loop and LOOP.match(loop.target, bindings)
    over = loop and header and OVER.match(loop.iter, header)
    if not over or loop is None or not isinstance(loop.body, cst.IndentedBlock):
        failed.append(LOOPED)
    mean = MEAN.match(statements[-1], over or {})
    if mean is None:
        failed.append(AVERAGED)
    if mean is None or not any(START.match(statement, mean) is not None for statement in statements):
        failed.append(COLLECTED)
    if any(piece.names.get(name) != name for name in ("torch", "warnings")):
        failed.append(IMPORTED)
    if NEW_NAMES & {name.value for name in walk(node) if isinstance(name, cst.Name)}:
        failed.append(FREE_NAMES)
    one_hot = hits[0][0] if hits else None
    return Loss(node, statements, loop, mean or over or bindings, one_hot, tuple(failed))
