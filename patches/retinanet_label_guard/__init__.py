"""Keep images with labels outside the class range out of RetinaNet's classification loss."""
