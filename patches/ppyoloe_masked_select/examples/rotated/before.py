"""Boxes of five numbers, and a distribution over the bins of an angle. The DFL is a static method."""

import paddle
import paddle.nn.functional as F


class RotatedHead:
    def __init__(self, num_classes, angle_max, bin_width):
        self.num_classes = num_classes
        self.angle_max = angle_max
        self.bin_width = bin_width

    @staticmethod
    def _df_loss(logits, angle):
        """One target a sample, not four."""
        lower = paddle.cast(angle, 'int64')
        upper = lower + 1
        lower_share = upper.astype('float32') - angle
        upper_share = 1 - lower_share
        lower_loss = F.cross_entropy(
            logits, lower, reduction='none') * lower_share
        upper_loss = F.cross_entropy(
            logits, upper, reduction='none') * upper_share
        return (lower_loss + upper_loss).mean(-1, keepdim=True)

    def _bbox_loss(self, logits, boxes, labels, true_boxes, scores):
        mask_positive = (labels != self.num_classes)
        if mask_positive.sum() > 0:
            box_mask = mask_positive.unsqueeze(-1).tile([1, 1, 5])
            found = paddle.masked_select(boxes,
                                         box_mask).reshape([-1, 5])
            wanted = paddle.masked_select(
                true_boxes, box_mask).reshape([-1, 5])
            weight = paddle.masked_select(
                scores.sum(-1), mask_positive).reshape([-1])
            box_loss = (paddle.abs(found - wanted).sum(-1) * weight).sum()

            # the angle
            angle_mask = mask_positive.unsqueeze(-1).tile(
                [1, 1, self.angle_max + 1])
            found_bins = paddle.masked_select(
                logits, angle_mask).reshape([-1, self.angle_max + 1])
            wanted_bin = (wanted[:, 4] / self.bin_width).clip(
                0, self.angle_max - 0.01)
            dfl_loss = self._df_loss(found_bins, wanted_bin)
        else:
            box_loss = boxes.sum() * 0.
            dfl_loss = paddle.zeros([1])

        return box_loss, dfl_loss
