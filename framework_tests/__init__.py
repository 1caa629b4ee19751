"""Tests with the real frameworks: gigabytes to install, so `make test` goes without them."""
