"""The loop of the ultralytics trainer on two groups of parameters and nothing else, and the log that it writes."""

import io
import math
from typing import Any

import numpy as np

COCO = 118_287  # images
RELEASES = ("8.0.100", "8.1.34", "8.2.50", "8.4.110", "8.4.190")


class Trainer:
    """The loop of the trainer on two groups of parameters and nothing else."""

    def __init__(self, release: str, **options: Any) -> None:
        self.number = tuple(map(int, release.split(".")))
        self.options = {
            "lr0": 0.01, "lrf": 0.01, "epochs": 20, "cos_lr": False, "warmup_epochs": 3.0, "warmup_bias_lr": 0.1,
            "warmup_momentum": 0.8, "momentum": 0.937, "nb": 40, **options,
        }  # fmt: skip
        self.iterations: list[tuple[float, float, float]] = []
        self.logged: list[tuple[float, float]] = []
        self._train()

    def _factor(self, epoch: int) -> float:
        end, total = self.options["lrf"], self.options["epochs"]
        if self.options["cos_lr"]:
            return (1 - math.cos(epoch * math.pi / total)) / 2 * (end - 1) + 1
        return max(1 - epoch / total, 0) * (1.0 - end) + end

    def _warmup(self, nb: int) -> int:
        epochs = self.options["warmup_epochs"]
        if self.number >= (8, 4, 103):
            epochs = min(epochs, self.options["epochs"] - 1)
            return round(epochs * nb) if epochs > 0 else 0
        if epochs <= 0 and self.number >= (8, 0, 119):
            return -1
        return max(round(epochs * nb), 100)

    def _train(self) -> None:
        given, nb = self.options, self.options["nb"]
        nw, late = self._warmup(nb), self.number < (8, 1, 42)
        short = (8, 4, 103) <= self.number < (8, 4, 183)
        weight = bias = given["lr0"] * self._factor(0)
        momentum, last_epoch = given["momentum"], -1
        for epoch in range(given["epochs"]):
            if not late:
                last_epoch += 1
                weight = bias = given["lr0"] * self._factor(last_epoch)
            for i in range(nb):
                ni = i + nb * epoch
                if (ni < nw if short else ni <= nw) and nw:
                    target = given["lr0"] * self._factor(epoch)
                    weight = float(np.interp(ni, [0, nw], [0.0, target]))
                    bias = float(np.interp(ni, [0, nw], [given["warmup_bias_lr"], target]))
                    momentum = float(np.interp(ni, [0, nw], [given["warmup_momentum"], given["momentum"]]))
                self.iterations.append((weight, bias, momentum))
            self.logged.append((weight, bias))
            if late:
                last_epoch += 1
                weight = bias = given["lr0"] * self._factor(last_epoch)

    def csv(self, rows: int | None = None) -> str:
        """As the release writes it: five digits and wide columns, or six."""
        out, wide = io.StringIO(), self.number < (8, 3, 9)
        names = ["epoch", "train/box_loss", "lr/pg0", "lr/pg1", "lr/pg2"]
        out.write(",".join(f"{name:>23}" if wide else name for name in names) + "\n")
        base = 0 if self.number < (8, 0, 162) else 1
        for epoch, (weight, bias) in enumerate(self.logged[:rows]):
            rates = [weight, weight, bias] if self.number >= (8, 4, 0) else [bias, weight, weight]
            values = [epoch + base, 1.5, *rates]
            out.write(",".join(f"{value:23.5g}" if wide else f"{value:.6g}" for value in values) + "\n")
        return out.getvalue()
