"""Rules for installed environments. One file is one rule."""
