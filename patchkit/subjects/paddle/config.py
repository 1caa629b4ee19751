"""A configuration of PaddleDetection with its effective values, inherited ones included."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from patchkit.findings import Span
from patchkit.subjects.paddle.bases import BASE, Bases, merged_over, own_entries
from patchkit.subjects.paddle.values import Entries, at
from patchkit.subjects.yaml_file import Node, YamlFile, finite

PADDLE = "paddledetection"
SECTIONS = {BASE, "LearningRate", "OptimizerBuilder", "TrainReader", "EvalReader", "TestReader", "PPYOLOEHead"}
OF_DETECTRON2 = {"MODEL", "SOLVER", "DATASETS"}  # it has `_BASE_` too
MOST = 1_000_000  # epochs, or images on a GPU: what is more was not meant
OF_ULTRALYTICS = {"backbone", "batch", "head", "imgsz", "lr0", "warmup_epochs"}  # at the top of its files
DEFAULTS = {  # of the constructors in ppdet, release/2.6
    "LearningRate.base_lr": 0.01,
    "OptimizerBuilder.optimizer.type": "Momentum",
    "PPYOLOEHead.reg_max": 16,
    "PPYOLOEHead.static_assigner_epoch": 4,
    "TrainReader.batch_size": 1,
    "amp": False,
    "norm_type": "bn",
    "num_classes": 80,
    "use_ema": False,
}


@dataclass(frozen=True)
class Scheduler:
    """One element of LearningRate.schedulers."""

    name: str  # CosineDecay
    path: str  # LearningRate.schedulers.0
    is_tagged: bool  # `!CosineDecay` rather than `name: CosineDecay`


@dataclass(frozen=True)
class PaddleConfig:
    """A file with what it inherits. Paths are keys with dots between; a list has its index as key."""

    file: YamlFile
    inherited: Entries
    bases: tuple[Path, ...]  # in the order of merging
    effective: Entries
    tree: Path  # where its relative paths of data sets start
    kind: ClassVar[str] = PADDLE

    def node(self, path: str) -> Node | None:
        """Where the effective value stands; None for a default."""
        return at(self.effective, tuple(path.split(".")))

    def value(self, path: str) -> Any:
        """The effective value; None where neither the files nor our table of defaults know it."""
        node = self.node(path)
        return node.data if node is not None else DEFAULTS.get(path)

    def number(self, path: str) -> float | None:
        """The effective value if it is a finite number."""
        return finite(self.value(path))

    def shown(self, path: str) -> str:
        """The effective value as it is written, on one line and shortened."""
        node = self.node(path)
        text = " ".join((node.text if node is not None else str(DEFAULTS.get(path))).split())
        return (text if len(text) <= 60 else f"{text[:60]}...") or "empty"

    def span(self, path: str) -> Span:
        """Where the value stands, in whichever file; the top of the leaf for a default."""
        node = self.node(path)
        return node.span if node is not None else Span(str(self.file.path))

    def origin(self, path: str) -> str:
        """Where the effective value comes from, in words."""
        node = self.node(path)
        if node is None:
            return "the default of PaddleDetection"
        if node.span.path == str(self.file.path):
            return "set in the file"
        return f"inherited from {node.span.path}:{node.span.line}"

    @property
    def names(self) -> list[str]:
        """What the configuration is called, nearest first: its file, its `weights`, its bases from the last one."""
        return [name for name, _ in self._named]

    def is_set_over(self, name: str, path: str) -> bool:
        """True if a value is set nearer to the leaf than the file that one of the `names` comes from."""
        order = [str(base) for base in self.bases] + [str(self.file.path)]
        rank = {file: place for place, file in enumerate(order)}
        node = self.node(path)
        source = next(file for other, file in self._named if other == name)
        return node is not None and rank[node.span.path] > rank[source]

    @property
    def _named(self) -> list[tuple[str, str]]:
        """The names, and the file that each comes from."""
        value = self.value("weights")
        weights = Path(value).parent.name if isinstance(value, str) else ""
        return [
            (self.file.path.stem, str(self.file.path)),
            (weights, self.span("weights").path),
            *((path.stem, str(path)) for path in reversed(self.bases)),
        ]

    @property
    def epochs(self) -> float | None:
        """Those of the training; None where `epoch` is no number from 1 to a million."""
        epochs = self.number("epoch")
        return epochs if epochs is not None and 1 <= epochs <= MOST else None

    @property
    def batch(self) -> int | None:
        """Images on each GPU; None where that is no whole number from 1 to a million."""
        batch = self.number("TrainReader.batch_size")
        return int(batch) if batch is not None and batch.is_integer() and 1 <= batch <= MOST else None

    @property
    def is_ppyoloe(self) -> bool:
        return "PPYOLOEHead" in self.effective

    @property
    def schedulers(self) -> list[Scheduler]:
        """Those of LearningRate, in order; none where the default stands."""
        node = self.node("LearningRate.schedulers")
        items = node.value if node is not None and isinstance(node.value, list) else []
        found = []
        for index, item in enumerate(items):
            data = item.data if isinstance(item.value, dict) else {}
            name = item.tag.removeprefix("!") or str(data.get("name", ""))
            found.append(Scheduler(name, f"LearningRate.schedulers.{index}", bool(item.tag)))
        return found


def looks_like_paddle(file: YamlFile) -> bool:
    """True if the keys of a file are those of PaddleDetection."""
    keys = set(file.entries)
    if keys & (OF_DETECTRON2 | OF_ULTRALYTICS):
        return False
    return bool(keys & SECTIONS) or {"metric", "num_classes"} <= keys or {"architecture", "norm_type"} <= keys


def load_paddle(file: YamlFile) -> PaddleConfig:
    """The file with everything that it inherits.

    Raises   SourceUnreadable if a base cannot be read, lies outside of the tree, or inherits from itself.
    """
    bases = Bases(file)
    inherited: Entries = {}
    for base in bases.named_by(file, ()):
        inherited = bases.merged(base, inherited)
    return PaddleConfig(file, inherited, tuple(bases.order), merged_over(inherited, own_entries(file)), bases.tree)
