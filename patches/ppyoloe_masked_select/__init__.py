"""Select positive samples by rows in the losses of PaddleDetection, and guard the targets of the DFL."""
