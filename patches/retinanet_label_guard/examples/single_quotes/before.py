"""The layout of MLCommons: single quotes, short lines, comments at the ends of lines."""

import warnings

import torch


def _sum(losses):
    total = losses[0]
    for loss in losses[1:]:
        total = total + loss
    return total


class RetinaNetClassificationHead:
    def compute_loss(self, targets, outputs, matches):
        losses = []  # one an image

        cls_logits = outputs['cls_logits']

        for image, logits, matched in zip(targets,
                                          cls_logits, matches):  # image by image
            foreground = matched >= 0
            one_hot = torch.zeros_like(logits)
            one_hot[foreground, image['labels'][matched[foreground]]] = 1.0  # of its class
            difference = torch.sigmoid(logits) - one_hot
            losses.append((difference * difference).sum() / max(1, foreground.sum()))

        # the mean over the batch
        return _sum(losses) / len(targets)  # a scalar
