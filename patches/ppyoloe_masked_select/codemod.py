"""The codemod of `ppyoloe-masked-select`: two kinds of functions, the selection and the DFL."""

from patchkit.patching.codemod import Inspection, Names, SiteCodemod
from patchkit.patching.outline import Outline
from patchkit.patching.piece import Piece, Statement

from . import dfl, selection


class Codemod(SiteCodemod):
    """Replace `paddle.masked_select` under a mask of positive samples by row gathers, and guard the DFL targets.

    Shapes   x (B, A, C), mask (B, A): rows (n, C) of the n positive samples. DFL: pred_dist (n, 4, bins) logits, target
             (n, 4), or (n, bins) and (n,) for angles.
    Units    targets in bins: in grid cells for boxes, in bins of angle for rotated boxes.
    Source   PaddleDetection ppdet/modeling/heads/ppyoloe_head.py, release/2.4 to develop; Generalized Focal Loss,
             arXiv:2006.04388.
    """

    anchors = (b"masked_select",)  # named in the comment of a patched function too

    def may_hold(self, text: bytes, outline: Outline, names: Names) -> bool:
        return dfl.may_hold(text) or selection.may_hold(text)

    def inspect(self, piece: Piece) -> Inspection | None:
        return dfl.inspect(piece) or selection.inspect(piece)

    def rewrite(self, piece: Piece) -> Statement:
        return dfl.rewrite(piece) if dfl.inspect(piece) else selection.rewrite(piece)
