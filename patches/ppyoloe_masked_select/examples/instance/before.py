"""A head for masks of instances: it selects in `get_loss_from_assign`, and hands the positive samples on."""

import paddle
import paddle.nn.functional as F


class InstanceHead:
    def __init__(self, num_classes, reg_range):
        self.num_classes = num_classes
        self.reg_range = reg_range
        self.reg_channels = reg_range[1] - reg_range[0]

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

    def get_loss_from_assign(self, logits, boxes, labels, true_boxes,
                             true_sides, scores):
        mask_positive = (labels != self.num_classes)
        if mask_positive.sum() > 0:
            box_mask = mask_positive.astype('int32').unsqueeze(-1).tile(
                [1, 1, 4]).astype('bool')
            found = paddle.masked_select(boxes,
                                         box_mask).reshape([-1, 4])
            wanted = paddle.masked_select(
                true_boxes, box_mask).reshape([-1, 4])
            weight = paddle.masked_select(scores.sum(-1),
                                          mask_positive).unsqueeze(-1)
            box_loss = F.l1_loss(found, wanted)

            # distributions
            bin_mask = mask_positive.unsqueeze(-1).astype('int32').tile(
                [1, 1, self.reg_channels * 4]).astype('bool')
            found_bins = paddle.masked_select(logits,
                                              bin_mask).reshape([
                                                  -1, 4, self.reg_channels
                                              ])  # four sides
            wanted_sides = paddle.masked_select(
                true_sides, box_mask).reshape([-1, 4])
            dfl_loss = self._df_loss(found_bins, wanted_sides,
                                     self.reg_range[0]) * weight
            dfl_loss = dfl_loss.sum() / scores.sum()

            mask_loss = self.mask_loss(mask_positive, boxes)
        else:
            box_loss = paddle.zeros([1])
            dfl_loss = paddle.zeros([1])
            mask_loss = paddle.zeros([1])
        return box_loss, dfl_loss, mask_loss

    def mask_loss(self, mask_positive, boxes):
        """It has the positive samples too, and selects nothing by them."""
        return (boxes * mask_positive.astype('float32').unsqueeze(-1)).sum()
