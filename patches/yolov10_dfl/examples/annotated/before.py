class BoxLoss:
    def bbox_decode(self, points: "Tensor", logits: "Tensor") -> "Tensor":
        """Return boxes.

        A docstring is not part of a fingerprint.
        """
        if self.use_dfl:
            n, k, width = logits.shape
            logits = logits.view(n, k, 4, width // 4).softmax(3).matmul(
                self.proj.type(logits.dtype)
            )
        return to_boxes(logits, points)
