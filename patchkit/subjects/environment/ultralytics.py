"""What tells the YOLOv10 fork of ultralytics from upstream: both call themselves ultralytics 8.1.34."""

import os
from pathlib import Path


def is_of_the_fork(tree: Path) -> bool:
    """True if a folder of packages holds the fork of THU-MIG.

    Source   THU-MIG/yolov10@453c6e38 ultralytics/models/yolov10; no wheel of upstream from 8.0.0 to 8.4.190 has it.
    """
    return os.path.isdir(tree / "ultralytics/models/yolov10")  # noqa: PTH112 - no permission is a no
