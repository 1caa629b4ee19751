class BoxLoss:
    """Decodes side distributions into boxes."""

    def bbox_decode(self, points, logits):
        # The projection below is a weighted mean over the bins.
        if self.use_dfl:
            n, k, width = logits.shape  # images, points, four sides of bins
            logits = (logits.view(n, k, 4, width // 4).softmax(3) * self.proj.type(logits.dtype).view(1, 1, 1, -1)).sum(3)
            # logits = logits.view(n, k, width // 4, 4).softmax(2).matmul(self.proj.type(logits.dtype))
        return to_boxes(logits, points)
