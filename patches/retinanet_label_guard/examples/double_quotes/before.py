"""The layout of torchvision: double quotes, and the one-hot target over several lines."""

import warnings

import torch


def _sum(losses):
    total = losses[0]
    for loss in losses[1:]:
        total = total + loss
    return total


class RetinaNetClassificationHead:
    BETWEEN = -2

    def compute_loss(self, targets, outputs, matches):
        # type: (list[dict[str, Tensor]], dict[str, Tensor], list[Tensor]) -> Tensor
        losses = []

        cls_logits = outputs["cls_logits"]

        for image, logits, matched in zip(targets, cls_logits, matches):
            # anchors that have an object
            foreground = matched >= 0

            # their classes
            one_hot = torch.zeros_like(logits)
            one_hot[
                foreground,
                image["labels"][matched[foreground]],
            ] = 1.0

            counted = matched != self.BETWEEN
            difference = torch.sigmoid(logits[counted]) - one_hot[counted]
            losses.append((difference * difference).sum() / max(1, foreground.sum()))

        return _sum(losses) / len(targets)
