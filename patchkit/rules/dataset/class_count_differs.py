"""The number of classes is not the same everywhere.

What         nc, the number of names, --nc, the categories and the nc of a model (--model) differ from each other.
Why          The head has as many outputs as one of them says. With fewer than labels have, the loss fails or trains a
             wrong class; with more, outputs stay that are never trained. ultralytics refuses a data yaml in which nc
             and names differ.
Example      nc: 3 above names: [a, b]
Fix safety   there is none: only you know what was meant.
References   ultralytics 8.4.190 ultralytics/data/utils.py, check_det_dataset.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import ClassCount, DataSet
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, YOLO


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    if not dataset.counts:
        return
    first, *others = dataset.counts
    for other in others:
        if other.count != first.count:
            message = f"{other.source}: {other.count} classes; {first.source}: {first.count}"
            variant = _variant(dataset, first, other)
            yield Finding(message, other.span, "they are compared with each other", variant=variant)


def _variant(dataset: DataSet, first: ClassCount, other: ClassCount) -> str:
    """`fewer` or `more` outputs than there are labels; `splits` where the training itself has the right number.

    Trainers of YOLO refuse what differs either way.
    """
    if dataset.format == YOLO:
        return ""
    outputs, labels = (other, first) if other.is_of_model else (first, other)
    is_trained = labels.split not in ("val", "test") or all(split.name != "train" for split in dataset.splits)
    if dataset.format == COCO and not (outputs.is_of_model and is_trained):
        return "splits"
    if outputs.is_of_model and labels.is_of_model:
        return ""  # neither is what the labels have
    return "fewer" if outputs.count < labels.count else "more"


RULE = Rule(
    __name__,
    Severity.ERROR,
    ("dataset",),
    check,
    (
        Example(
            "-- data.yaml --\npath: .\ntrain: images/train\nval: images/val\nnc: 3\nnames: [a, b]\n",
            "",
        ),
    ),
)
