"""How many GPUs the `device` option of ultralytics names."""

import re
from typing import Any

_GPUS = re.compile(r"(?:(?:cuda|npu|xpu):)?((?:-1|\d+)(?:,(?:-1|\d+))*)")


def named_gpus(device: Any) -> int | None:
    """The GPUs that a value of `device` names, as the releases read it; None if it leaves the choice open."""
    text = re.sub(r"[()\[\]'\" ]|none", "", str(device).lower())
    text = ",".join(part for part in text.split(",") if part)
    if text in ("cpu", "mps", "mps:0"):
        return 0
    if text in ("cuda", "npu", "xpu"):
        return 1
    match = _GPUS.fullmatch(text.replace("cuda:", ""))
    return match[1].count(",") + 1 if match else None
