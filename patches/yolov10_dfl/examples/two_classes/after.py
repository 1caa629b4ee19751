class BoxLoss:
    def bbox_decode(self, points, logits):
        if self.use_dfl:
            n, k, width = logits.shape
            logits = (logits.view(n, k, 4, width // 4).softmax(3) * self.proj.type(logits.dtype).view(1, 1, 1, -1)).sum(3)
        return to_boxes(logits, points)

    def weight(self, logits):
        return logits.softmax(-1).amax(-1).view(-1)


class RotatedBoxLoss(BoxLoss):
    def bbox_decode(self, points, logits, angle):
        if self.use_dfl:
            n, k, width = logits.shape
            side_bins = (logits.view(n, k, 4, width // 4).softmax(3) * self.proj.type(logits.dtype).view(1, 1, 1, -1)).sum(3)
        return to_rotated_boxes(side_bins, angle, points)
