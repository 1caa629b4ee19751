"""One bin more than `reg_max`, and masks that are tiled as they are."""

import paddle
import paddle.nn.functional as F


class Head:
    def __init__(self, num_classes, reg_max):
        self.num_classes = num_classes
        self.reg_max = reg_max

    def _df_loss(self, logits, side):
        # patchkit ppyoloe-masked-select: a target that is NaN, or has not a bin on
        # either side, weighs nothing and is reported
        first_bin = 0
        last_bin = first_bin + logits.shape[-1] - 1
        in_bins = paddle.logical_and(side >= first_bin, side < last_bin)
        if paddle.in_dynamic_mode() and not bool(in_bins.all()):
            from ppdet.utils.logger import setup_logger
            steps = getattr(Head, 'bad_dfl_steps', 0) + 1
            targets = getattr(Head, 'bad_dfl_targets', 0) + int(
                paddle.logical_not(in_bins).astype('int64').sum())
            setattr(Head, 'bad_dfl_steps', steps)
            setattr(Head, 'bad_dfl_targets', targets)
            if steps % 100 == 1:
                setup_logger(__name__).warning(
                    '{} DFL targets in {} computations of the loss were NaN or outside '
                    '[{}, {}) and weigh nothing: check the boxes of the data set'.format(
                        targets, steps, first_bin, last_bin))
        side = paddle.where(in_bins, side, paddle.full_like(side, first_bin))
        lower = paddle.cast(side, 'int64')
        upper = lower + 1
        lower_share = upper.astype('float32') - side
        upper_share = 1 - lower_share
        lower_loss = F.cross_entropy(
            logits, lower, reduction='none') * lower_share
        upper_loss = F.cross_entropy(
            logits, upper, reduction='none') * upper_share
        loss = lower_loss + upper_loss
        loss = paddle.where(in_bins, loss, paddle.zeros_like(loss))
        return loss.mean(-1, keepdim=True)

    def _bbox_loss(self, logits, boxes, labels, true_boxes, true_sides,
                   scores):
        # anchors that have an object
        mask_positive = (labels != self.num_classes)
        count = mask_positive.sum()
        # boxes, then distributions
        if count > 0:
            # four numbers an anchor
            # patchkit ppyoloe-masked-select: rows by their index, because
            # masked_select returns foreign values with some builds of paddle
            positive_index = paddle.nonzero(mask_positive)
            found = paddle.gather_nd(boxes,
                                         positive_index).reshape([-1, 4])
            wanted = paddle.gather_nd(
                true_boxes, positive_index).reshape([-1, 4])
            weight = paddle.gather_nd(
                scores.sum(-1), positive_index).unsqueeze(-1)
            box_loss = F.l1_loss(found, wanted)

            # four distributions an anchor
            found_bins = paddle.gather_nd(
                logits, positive_index).reshape([-1, 4, self.reg_max + 1])
            wanted_sides = paddle.gather_nd(
                true_sides, positive_index).reshape([-1, 4])
            dfl_loss = self._df_loss(found_bins, wanted_sides) * weight
            dfl_loss = dfl_loss.sum() / scores.sum()
        else:
            box_loss = paddle.zeros([1])
            dfl_loss = logits.sum() * 0.
        return box_loss, dfl_loss
