"""Versioned, checked and reversible patches for installed object-detection frameworks."""

DISTRIBUTION = "patchkit-cv"
__version__ = "0.1.0"
