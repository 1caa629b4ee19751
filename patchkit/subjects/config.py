"""A training configuration of ultralytics with its effective values: the file over the defaults of the release."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchkit.errors import SourceUnreadable
from patchkit.findings import Span
from patchkit.subjects.release import Release
from patchkit.subjects.yaml_file import Entry, Node, YamlFile, finite

TRAIN, MODEL = "ultralytics", "ultralytics-model"
_MODEL = re.compile(r"(yolov?\d+)([a-z])?(-[a-z]+)?(?:\.(?:ya?ml|pt))?$")


@dataclass(frozen=True)
class TrainConfig:
    """What a training would run with. A model yaml gives no values: it is audited on the defaults."""

    kind: str  # TRAIN or MODEL
    file: YamlFile
    release: Release
    model: str | None  # yolov10x, as far as it is known

    def entry(self, key: str) -> Entry | None:
        """Where the file sets an option; None where the default stands."""
        return self.file.entries.get(key) if self.kind == TRAIN else None

    def node(self, key: str) -> Node | None:
        entry = self.entry(key)
        return entry.node if entry else None

    def value(self, key: str) -> Any:
        """The effective value of an option; None where neither the file nor the release knows it."""
        node = self.node(key)
        return node.data if node is not None else self.release.defaults.get(key)

    def number(self, key: str) -> float | None:
        """The effective value if it is a finite number."""
        return finite(self.value(key))

    def span(self, key: str) -> Span:
        """Where the value stands; the top of the file for a default."""
        node = self.node(key)
        return node.span if node is not None else Span(str(self.file.path))

    def origin(self, key: str) -> str:
        """Where the effective value comes from, in words."""
        return "set in the file" if self.entry(key) else f"the default of {self.release.label}"

    @property
    def batch(self) -> int | None:
        """Images a step, of all GPUs together; None for AutoBatch, and for what is no number of images."""
        batch = self.number("batch")
        return int(batch) if batch is not None and batch >= 1 and batch.is_integer() else None

    @property
    def is_auto(self) -> bool:
        """True if the release chooses the optimizer."""
        return self.release.is_auto(self.value("optimizer"))

    @property
    def optimizer(self) -> str:
        """The optimizer that a long run has in the end."""
        return self.release.long_run_optimizer if self.is_auto else str(self.value("optimizer"))


def load_config(file: YamlFile, release: Release, model: str | None, kind: str | None = None) -> TrainConfig:
    """The file as a training configuration or a model yaml, told by what it holds unless the kind is given.

    Raises   SourceUnreadable if it is neither.
    """
    entries = file.entries
    is_model = {"backbone", "head"} <= set(entries)
    known = set(release.defaults) | {"sync_bn"}
    is_data_set = "names" in entries and bool({"train", "val"} & set(entries))
    if kind is None and not is_model and (is_data_set or not known & set(entries)):
        reason = "it looks like a data set" if is_data_set else "none of its keys is an option"
        raise SourceUnreadable(
            f"{file.path}: not a training configuration of ultralytics: {reason}",
            "name the yaml with the options of the training, or of the model; --kind says what nothing in it tells",
        )
    kind = kind or (MODEL if is_model else TRAIN)
    return TrainConfig(kind, file, release, _model_named(model, kind, file))


def _model_named(given: str | None, kind: str, file: YamlFile) -> str | None:
    """The model that is given, or that the file names, or is: its family and size."""
    named = file.entries.get("model") if kind == TRAIN else None
    names = [given or "", str(named.node.value or "") if named else "", file.path.name if kind == MODEL else ""]
    for name in names:
        match = _MODEL.match(Path(name).name)
        if match and match[2]:
            return f"{match[1]}{match[2]}"
    return None
