"""What ultralytics prints of its options when a training starts: `engine/trainer: task=detect, mode=train, ...`.

Releases since 8.3.1xx print them by name: `engine/trainer: agnostic_nms=False, amp=True, ...`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from patchkit.subjects.devices import named_gpus

_NEXT = re.compile(r", (?=[a-z][a-z0-9_]{0,40}=)")


@dataclass(frozen=True)
class Run:
    """One training; without options where the log does not tell them."""

    line: int = 0  # of the options
    options: Mapping[str, str] = field(default_factory=dict)

    def option(self, name: str) -> str | None:
        """The value as it was printed; None if it is None or not there."""
        value = self.options.get(name)
        return None if value in (None, "None", "") else value

    @property
    def gpus(self) -> int | None:
        """How many GPUs `device` names."""
        device = self.option("device")
        return named_gpus(device) if device is not None else None

    @property
    def args_yaml(self) -> str | None:
        """Where ultralytics keeps the options of the run."""
        folder = self.option("save_dir")
        if folder is None:
            parts = [self.option(name) for name in ("project", "name")]
            folder = "/".join(part for part in parts if part) if all(parts) else None
        return f"{folder}/args.yaml" if folder else None


def run_of(text: str, line: int) -> Run:
    """The run that a line with options starts."""
    words = text.partition("trainer: ")[2]
    options = {}
    for word in _NEXT.split(words):
        name, found, value = word.partition("=")
        if found:
            options[name] = value.strip()
    return Run(line, options)
