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
        lower = paddle.cast(side.floor(), 'int64')
        upper = lower + 1
        lower_share = upper.astype('float32') - side
        upper_share = 1 - lower_share
        lower_loss = F.cross_entropy(
            logits, lower - lower_bound, reduction='none') * lower_share
        upper_loss = F.cross_entropy(
            logits, upper - lower_bound, reduction='none') * upper_share
        return (lower_loss + upper_loss).mean(-1, keepdim=True)

    def _bbox_loss(self, logits, boxes, labels, true_boxes, true_sides,
                   scores):
        # anchors that have an object
        mask_positive = (labels != self.num_classes)

        if self.for_distill:
            # the student reads it
            self.kept['mask'] = mask_positive

        count = mask_positive.sum()
        if count > 0:
            box_mask = mask_positive.astype('int32').unsqueeze(-1).tile(
                [1, 1, 4]).astype('bool')
            found = paddle.masked_select(boxes,
                                         box_mask).reshape([-1, 4])
            wanted = paddle.masked_select(
                true_boxes, box_mask).reshape([-1, 4])
            weight = paddle.masked_select(
                scores.sum(-1), mask_positive).unsqueeze(-1)
            box_loss = F.l1_loss(found, wanted)

            bin_mask = mask_positive.unsqueeze(-1).astype('int32').tile(
                [1, 1, self.reg_channels * 4]).astype('bool')
            found_bins = paddle.masked_select(
                logits, bin_mask).reshape([-1, 4, self.reg_channels])
            wanted_sides = paddle.masked_select(
                true_sides, box_mask).reshape([-1, 4])
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
