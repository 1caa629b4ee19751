"""The linear scaling rule: how the learning rate follows the batch.

Source   Goyal et al., arXiv:1706.02677, for SGD up to about 8k images a step; mmengine and Detectron2 do the same.
"""

import math
from dataclasses import dataclass

LINEAR, KEEP = "linear", "keep"


@dataclass(frozen=True)
class Scaled:
    """A learning rate for a batch."""

    lr0: float
    is_capped: bool
    arithmetic: str  # how it was computed, in words


@dataclass(frozen=True)
class LinearRule:
    """lr0 = base_lr * effective batch / base_batch, at most max_lr."""

    base_lr: float
    base_batch: int  # images a step, of all GPUs together
    max_lr: float

    def scaled(self, batch: int, nbs: int, most: float = math.inf) -> Scaled:
        """The learning rate for a batch; gradients are accumulated up to `nbs` images.

        `most` is the largest that the release takes, if it refuses larger ones.
        """
        cap = min(self.max_lr, most)
        accumulated = max(round(nbs / batch), 1)
        effective = batch * accumulated
        exact = self.base_lr * effective / self.base_batch
        lr0 = float(f"{min(exact, cap):.6g}")
        steps = f"{batch} x {accumulated} accumulated" if accumulated > 1 else f"{batch}"
        words = f"{self.base_lr:g} * {effective} / {self.base_batch} = {exact:.6g} (effective batch {steps})"
        if exact <= cap:
            return Scaled(lr0, False, words)
        reason = ", the most that the release takes" if most < self.max_lr else ""
        return Scaled(lr0, True, f"{words}, capped at {cap:g}{reason}")
