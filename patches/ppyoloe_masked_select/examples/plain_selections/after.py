"""Heads without a DFL: they select boxes, rotated boxes, classes; and a distillation that is handed the mask."""

import paddle
import paddle.nn.functional as F


class AlignedHead:
    def get_loss(self, boxes, labels, true_boxes, scores):
        # select
        mask_positive = (labels != self.num_classes)
        count = mask_positive.astype('float32').sum()
        if count > 0:
            # patchkit ppyoloe-masked-select: rows by their index, because
            # masked_select returns foreign values with some builds of paddle
            positive_index = paddle.nonzero(mask_positive)
            found = paddle.gather_nd(boxes,
                                         positive_index).reshape([-1, 4])
            wanted = paddle.gather_nd(
                true_boxes, positive_index).reshape([-1, 4])
            weight = paddle.gather_nd(
                scores.sum(-1), positive_index).unsqueeze(-1)
            return (paddle.abs(found - wanted) * weight).sum() / weight.sum()
        return paddle.zeros([1])


class RotatedPointHead:
    def get_loss(self, boxes, labels, true_boxes, scores):
        mask_positive = (labels != self.num_classes)
        if mask_positive.sum().item() > 0:
            # patchkit ppyoloe-masked-select: rows by their index, because
            # masked_select returns foreign values with some builds of paddle
            positive_index = paddle.nonzero(mask_positive)
            found = paddle.gather_nd(boxes,
                                         positive_index).reshape([-1, 5])
            wanted = paddle.gather_nd(
                true_boxes, positive_index).reshape([-1, 5])
            weight = paddle.gather_nd(
                scores.sum(-1), positive_index).reshape([-1])
            loss = paddle.abs(found - wanted).sum(-1)
            return paddle.sum(loss * weight) / weight.sum()
        return boxes.sum() * 0.


class OneStageHead:
    def get_loss(self, boxes, logits, labels, true_boxes):
        mask_positive = (labels != self.num_classes)
        objects = mask_positive.astype(boxes.dtype).unsqueeze(-1)

        if objects.sum() > 0:
            # 1. boxes
            # patchkit ppyoloe-masked-select: rows by their index, because
            # masked_select returns foreign values with some builds of paddle
            positive_index = paddle.nonzero(mask_positive)
            found = paddle.gather_nd(boxes,
                                         positive_index).reshape([-1, 4])
            wanted = paddle.gather_nd(
                true_boxes, positive_index).reshape([-1, 4])
            box_loss = F.l1_loss(found, wanted)

            # 2. classes
            found_classes = paddle.gather_nd(
                logits, positive_index).reshape([-1, self.num_classes])
            classes = paddle.gather_nd(labels, positive_index)
            class_loss = F.cross_entropy(
                found_classes, classes, reduction='none').sum()
            return box_loss + class_loss
        return paddle.zeros([1])


class Distillation:
    def main_loss(self, mask_positive, scores, soft_scores, num_classes):
        count = mask_positive.sum()
        if count > 0:
            # patchkit ppyoloe-masked-select: rows by their index, because
            # masked_select returns foreign values with some builds of paddle
            positive_index = paddle.nonzero(mask_positive)
            found = paddle.gather_nd(
                scores, positive_index).reshape([-1, num_classes])
            wanted = paddle.gather_nd(
                soft_scores, positive_index).reshape([-1, num_classes])
            return paddle.abs(found - wanted).sum() / count
        return paddle.zeros([1])
