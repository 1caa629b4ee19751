"""Renderers: plain values in, text out."""
