"""Where patchkit keeps its state in a root, and its marker beside a RECORD.

Read by every command, hence apart from what reads and writes it.
"""

STATE = ".patchkit"
LEDGER = f"{STATE}/ledger.json"
BLOBS = f"{STATE}/blobs"
IGNORE = f"{STATE}/.gitignore"
JOURNAL = f"{STATE}/journal"
MARKER = "patchkit.json"  # in the dist-info of a patched distribution
