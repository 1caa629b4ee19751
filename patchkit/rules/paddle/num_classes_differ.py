"""The number of classes is not that of the annotations.

What         `num_classes` differs from the categories of the COCO file that TrainDataset names, if that file is there:
             dataset_dir and anno_path, from the folder that holds `configs`.
Why          PaddleDetection numbers the categories of the file from 0. With fewer `num_classes` than categories, labels
             are out of range: the loss fails, or trains a wrong class. With more, outputs stay that are never trained.
Example      `num_classes: 80` with a file of 3 categories.
Fix safety   safe with too few classes, where the training is wrong in any case; unsafe with too many.
References   PaddleDetection 2.6 ppdet/data/source/coco.py, parse_dataset.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from patchkit.findings import Finding, Fix, Severity, Skipped
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig

KEY = "num_classes"
LIMIT = 64 << 20  # bytes


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding | Skipped]:
    found = config.value(KEY)
    dataset = config.node("TrainDataset")
    if dataset is None or type(found) is not int:
        return
    name = dataset.tag.removeprefix("!") or config.value("TrainDataset.name")
    if name != "COCODataSet":
        yield Skipped(f"TrainDataset is {name}, whose annotations are not read")
        return
    path = _annotations(config)
    count = _categories(path)
    if isinstance(count, str):
        yield Skipped(f"{path}: {count}")
    elif found != count:
        is_short = found < count
        effect = "labels are out of range" if is_short else "the outputs beyond them are never trained"
        message = f"num_classes is {config.shown(KEY)}, {config.origin(KEY)}; {path} has {count} categories: {effect}"
        fix = Fix(f"num_classes: {count}", {KEY: count}, safe=is_short)
        severity = Severity.ERROR if is_short else Severity.WARNING
        yield Finding(message, config.span(KEY), f"measured: {count} categories in {path.name}", fix, severity)


def _annotations(config: PaddleConfig) -> Path:
    folder = config.value("TrainDataset.dataset_dir") or ""
    return config.tree / str(folder) / str(config.value("TrainDataset.anno_path") or "")


def _categories(path: Path) -> int | str:
    """How many a COCO file has, or why that is not known."""
    try:
        if not path.is_file():
            return "there are no annotations to count the classes of"
        if path.stat().st_size > LIMIT:
            return "larger than 64 MiB, so its classes are not counted"
        data = json.loads(path.read_bytes())
    except OSError as error:
        return f"{error.strerror}"
    except (ValueError, RecursionError):
        return "no JSON"
    categories = data.get("categories") if isinstance(data, dict) else None
    return len(categories) if isinstance(categories, list) and categories else "no COCO file: it has no categories"


_DATASET = "TrainDataset:\n  name: COCODataSet\n  dataset_dir: data\n  anno_path: train.json\n"

RULE = Rule(
    __name__,
    Severity.ERROR,
    (PADDLE,),
    check,
    (
        Example(
            f"num_classes: 1\n{_DATASET}",
            f"num_classes: 2\n{_DATASET}",
            {"files": {"data/train.json": '{"categories": [{"id": 1}, {"id": 7}]}'}},
        ),
    ),
)
