"""What a training printed: read block by block, so that logs of any size fit.

A line ends at a line feed, and at the carriage return of a progress bar. Lines are counted as editors and grep do, by
line feeds alone.
"""
