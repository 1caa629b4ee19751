"""What others offer to check a data set, each in an environment of its own that is built once per machine."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from frameworks import CACHE, built, torch_python

Command = tuple[str | Path, ...]

# Its check, with images, as a training begins with it. It leaves a cache, which the next run would read instead.
ULTRALYTICS = """
import os, sys, tempfile
from pathlib import Path
os.environ["YOLO_OFFLINE"], os.environ["YOLO_CONFIG_DIR"] = "1", tempfile.gettempdir()
from ultralytics.data.dataset import YOLODataset
folder = Path(sys.argv[1])
def forget():
    for cache in (folder / "labels").rglob("*.cache"):
        cache.unlink()
forget()
data = {"names": {number: str(number) for number in range(80)}, "nc": 80, "channels": 3}
YOLODataset(img_path=str(folder / "images/train"), data=data, task="detect", augment=False)
forget()
"""
ULTRALYTICS_IMPORT = "from ultralytics.data.dataset import YOLODataset"
PYCOCOTOOLS = "import sys; from pycocotools.coco import COCO; COCO(sys.argv[1])"
DATUMARO_LOAD = """
import sys
from datumaro.components.dataset import Dataset
data = Dataset.import_from(sys.argv[2], sys.argv[1])
print(len(data))
"""
# The thresholds are those of its command line.
DATUMARO = f"""{DATUMARO_LOAD}
from datumaro.plugins.validators import DetectionValidator
thresholds = dict(few_samples_thr=1, imbalance_ratio_thr=50, far_from_mean_thr=5.0, dominance_ratio_thr=0.8)
validator = DetectionValidator(**thresholds, topk_bins=0.1)
validator.generate_reports(validator.compute_statistics(data))
"""


@dataclass(frozen=True)
class Peer:
    """What one of them is run as."""

    title: str
    command: Command | None  # None: it is left out
    reason: str = ""  # why it is left out


def yolo_peers(data: Path, work: Path) -> list[Peer]:
    """Checks of a data set of YOLO without defects: panlabel and Datumaro stop at the first."""
    return [
        _peer("ultralytics, check of its data set", _torch, lambda python: (python, "-c", ULTRALYTICS, data)),
        _peer("ultralytics, import alone", _torch, lambda python: (python, "-c", ULTRALYTICS_IMPORT)),
        _peer("panlabel validate", _panlabel, lambda exe: (exe, "validate", "--format", "yolo", data)),
        *_datumaro("yolo", lambda: _flat_yolo(data, work / "yolo")),
    ]


def coco_peers(data: Path, work: Path) -> list[Peer]:
    """Checks of a json of COCO without defects."""
    return [
        _peer("pycocotools, load", _pycocotools, lambda python: (python, "-c", PYCOCOTOOLS, data)),
        _peer("panlabel validate", _panlabel, lambda exe: (exe, "validate", "--format", "coco", data)),
        *_datumaro("coco_instances", lambda: _placed_coco(data, work / "coco")),
    ]


def _peer(title: str, environment: Callable[[], Path], command: Callable[[Path], Command]) -> Peer:
    try:
        return Peer(title, command(environment()))
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        return Peer(title, None, str(error))


def _datumaro(form: str, placed: Callable[[], Path]) -> list[Peer]:
    """Loading alone too, because the other peers for COCO do no more."""

    def command(script: str) -> Callable[[Path], Command]:
        return lambda python: (python, "-c", script, form, placed())

    return [
        _peer("Datumaro, load", _datumaro_python, command(DATUMARO_LOAD)),
        _peer("Datumaro, load and validate", _datumaro_python, command(DATUMARO)),
    ]


def _torch() -> Path:
    """The environment of the framework tests.

    Raises   FileNotFoundError if no framework test has built it yet: it takes gigabytes.
    """
    if not (CACHE / "frameworks/torch/ready").exists():
        raise FileNotFoundError("no torch in the cache; `make test-frameworks` puts it there")
    return torch_python()


def _python(requirement: str) -> Path:
    return built(requirement.partition("==")[0], [(requirement,)])


def _datumaro_python() -> Path:
    return _python("datumaro==1.13.12")


def _pycocotools() -> Path:
    return _python("pycocotools==2.0.11")


def _panlabel() -> Path:
    return _python("panlabel==0.7.0").with_name("panlabel")


def _flat_yolo(data: Path, flat: Path) -> Path:
    """The same data set without folders in images/train, where Datumaro finds nothing."""
    for kind in ("images", "labels"):
        target = flat / kind / "train"
        if target.exists():
            continue
        target.mkdir(parents=True)
        for file in (data / kind / "train").rglob("*.*"):
            os.link(file, target / file.name)
    shutil.copy(data / "data.yaml", flat)
    return flat


def _placed_coco(data: Path, placed: Path) -> Path:
    """The same json where Datumaro looks for it."""
    target = placed / "annotations/instances_train.json"
    if not target.exists():
        (placed / "images/train").mkdir(parents=True)
        target.parent.mkdir()
        os.link(data, target)
    return target
