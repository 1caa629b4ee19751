"""Configurations of PaddleDetection."""
