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
        # patchkit ppyoloe-masked-select: a target that is NaN, or has not a bin on
        # either side, weighs nothing and is reported
        first_bin = 0
        last_bin = first_bin + logits.shape[-1] - 1
        in_bins = paddle.logical_and(angle >= first_bin, angle < last_bin)
        if paddle.in_dynamic_mode() and not bool(in_bins.all()):
            from ppdet.utils.logger import setup_logger
            steps = getattr(RotatedHead, 'bad_dfl_steps', 0) + 1
            targets = getattr(RotatedHead, 'bad_dfl_targets', 0) + int(
                paddle.logical_not(in_bins).astype('int64').sum())
            setattr(RotatedHead, 'bad_dfl_steps', steps)
            setattr(RotatedHead, 'bad_dfl_targets', targets)
            if steps % 100 == 1:
                setup_logger(__name__).warning(
                    '{} DFL targets in {} computations of the loss were NaN or outside '
                    '[{}, {}) and weigh nothing: check the boxes of the data set'.format(
                        targets, steps, first_bin, last_bin))
        angle = paddle.where(in_bins, angle, paddle.full_like(angle, first_bin))
        lower = paddle.cast(angle, 'int64')
        upper = lower + 1
        lower_share = upper.astype('float32') - angle
        upper_share = 1 - lower_share
        lower_loss = F.cross_entropy(
            logits, lower, reduction='none') * lower_share
        upper_loss = F.cross_entropy(
            logits, upper, reduction='none') * upper_share
        loss = lower_loss + upper_loss
        loss = paddle.where(in_bins, loss, paddle.zeros_like(loss))
        return loss.mean(-1, keepdim=True)

    def _bbox_loss(self, logits, boxes, labels, true_boxes, scores):
        mask_positive = (labels != self.num_classes)
        if mask_positive.sum() > 0:
            # patchkit ppyoloe-masked-select: rows by their index, because
            # masked_select returns foreign values with some builds of paddle
            positive_index = paddle.nonzero(mask_positive)
            found = paddle.gather_nd(boxes,
                                         positive_index).reshape([-1, 5])
            wanted = paddle.gather_nd(
                true_boxes, positive_index).reshape([-1, 5])
            weight = paddle.gather_nd(
                scores.sum(-1), positive_index).reshape([-1])
            box_loss = (paddle.abs(found - wanted).sum(-1) * weight).sum()

            # the angle
            found_bins = paddle.gather_nd(
                logits, positive_index).reshape([-1, self.angle_max + 1])
            wanted_bin = (wanted[:, 4] / self.bin_width).clip(
                0, self.angle_max - 0.01)
            dfl_loss = self._df_loss(found_bins, wanted_bin)
        else:
            box_loss = boxes.sum() * 0.
            dfl_loss = paddle.zeros([1])

        return box_loss, dfl_loss
