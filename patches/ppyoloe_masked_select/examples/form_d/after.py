"""As form C, with zeros that have no axis where there is no object."""

import paddle
import paddle.nn.functional as F


class Head:
    def __init__(self, num_classes, reg_range, for_distill=False):
        self.num_classes = num_classes
        self.reg_range = reg_range
        self.reg_channels = reg_range[1] - reg_range[0]
        self.for_distill = for_distill
        self.kept = {}

    def _df_loss(self, logits, side, lower_bound=0):
        # patchkit ppyoloe-masked-select: a target that is NaN, or has not a bin on
        # either side, weighs nothing and is reported
        first_bin = lower_bound
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
        lower = paddle.cast(side.floor(), 'int64')
        upper = lower + 1
        lower_share = upper.astype('float32') - side
        upper_share = 1 - lower_share
        lower_loss = F.cross_entropy(
            logits, lower - lower_bound, reduction='none') * lower_share
        upper_loss = F.cross_entropy(
            logits, upper - lower_bound, reduction='none') * upper_share
        loss = lower_loss + upper_loss
        loss = paddle.where(in_bins, loss, paddle.zeros_like(loss))
        return loss.mean(-1, keepdim=True)

    def _bbox_loss(self, logits, boxes, labels, true_boxes, true_sides,
                   scores):
        # anchors that have an object
        mask_positive = (labels != self.num_classes)

        if self.for_distill:
            # the student reads it
            self.kept['mask'] = mask_positive

        count = mask_positive.sum()
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
            box_loss = F.l1_loss(found, wanted)

            found_bins = paddle.gather_nd(
                logits, positive_index).reshape([-1, 4, self.reg_channels])
            wanted_sides = paddle.gather_nd(
                true_sides, positive_index).reshape([-1, 4])
            dfl_loss = self._df_loss(found_bins, wanted_sides,
                                     self.reg_range[0]) * weight
            dfl_loss = dfl_loss.sum() / scores.sum()
            if self.for_distill:
                self.kept['boxes'] = found
                self.kept['bins'] = found_bins
        else:
            box_loss = paddle.zeros([])
            dfl_loss = logits.sum() * 0.
        return box_loss, dfl_loss
