"""One bin more than `reg_max`, and masks that are tiled as they are."""

import paddle
import paddle.nn.functional as F


class Head:
    def __init__(self, num_classes, reg_max):
        self.num_classes = num_classes
        self.reg_max = reg_max

    def _df_loss(self, logits, side):
        lower = paddle.cast(side, 'int64')
        upper = lower + 1
        lower_share = upper.astype('float32') - side
        upper_share = 1 - lower_share
        lower_loss = F.cross_entropy(
            logits, lower, reduction='none') * lower_share
        upper_loss = F.cross_entropy(
            logits, upper, reduction='none') * upper_share
        return (lower_loss + upper_loss).mean(-1, keepdim=True)

    def _bbox_loss(self, logits, boxes, labels, true_boxes, true_sides,
                   scores):
        # anchors that have an object
        mask_positive = (labels != self.num_classes)
        count = mask_positive.sum()
        # boxes, then distributions
        if count > 0:
            # four numbers an anchor
            box_mask = mask_positive.unsqueeze(-1).tile([1, 1, 4])
            found = paddle.masked_select(boxes,
                                         box_mask).reshape([-1, 4])
            wanted = paddle.masked_select(
                true_boxes, box_mask).reshape([-1, 4])
            weight = paddle.masked_select(
                scores.sum(-1), mask_positive).unsqueeze(-1)
            box_loss = F.l1_loss(found, wanted)

            # four distributions an anchor
            bin_mask = mask_positive.unsqueeze(-1).tile(
                [1, 1, (self.reg_max + 1) * 4])
            found_bins = paddle.masked_select(
                logits, bin_mask).reshape([-1, 4, self.reg_max + 1])
            wanted_sides = paddle.masked_select(
                true_sides, box_mask).reshape([-1, 4])
            dfl_loss = self._df_loss(found_bins, wanted_sides) * weight
            dfl_loss = dfl_loss.sum() / scores.sum()
        else:
            box_loss = paddle.zeros([1])
            dfl_loss = logits.sum() * 0.
        return box_loss, dfl_loss
