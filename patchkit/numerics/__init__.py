"""Comparison of original and patched functions, in the interpreter of the target: standard library, Python 3.7.

A room's `equivalence.py` imports this package too. The process that runs it finds this package alone, and no other
part of patchkit (`patchkit.patching.equivalence` starts it).
"""
