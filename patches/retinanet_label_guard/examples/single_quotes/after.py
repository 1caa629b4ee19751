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
            # patchkit retinanet-label-guard: an image with a label outside [0, num_classes) does not count here
            labels_per_image = image["labels"]
            bad_labels = labels_per_image[(labels_per_image < 0) | (labels_per_image >= logits.shape[-1])]
            if len(bad_labels) > 0:
                if not torch.jit.is_scripting():
                    self.skipped_images = getattr(self, "skipped_images", 0) + 1
                    warnings.warn(
                        f"image_id {image.get('image_id')}: labels {bad_labels.unique().tolist()} are outside "
                        f"[0, {logits.shape[-1]}), its classification loss is skipped"
                    )
                continue
            foreground = matched >= 0
            one_hot = torch.zeros_like(logits)
            one_hot[foreground, image['labels'][matched[foreground]]] = 1.0  # of its class
            difference = torch.sigmoid(logits) - one_hot
            losses.append((difference * difference).sum() / max(1, foreground.sum()))

        # the mean over the batch
        if len(losses) == 0:  # no valid image: a zero that every parameter of the head still belongs to
            return (cls_logits * 0).sum()
        return _sum(losses) / len(losses)  # a scalar
