"""Rules for configurations of PaddleDetection."""
