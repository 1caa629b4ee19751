"""A split has images and no object.

What         The label files of a split hold no row, or a COCO file has images and no annotation. An image without label
             file is told by label-missing.
Why          A converter that has failed leaves such files. The training runs on background alone and learns to find
             nothing, or stops because no record is left; without objects in val nothing can be measured.
Example      "annotations": [] in a COCO file with images
Fix safety   there is none: only you know where the labels are.
References   ultralytics 8.4.190 ultralytics/data/dataset.py, YOLODataset.verify_labels; PaddleDetection 2.6.0
             ppdet/data/source/coco.py, parse_dataset.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for split in dataset.splits:
        tally = split.tally
        if split.same_as or split.is_cut or tally.objects or not tally.images or not tally.files:
            continue
        use = next((word for word in ("val", "test") if word in split.name.lower()), "train")
        yield Finding(
            f"{split.name} has no object",
            split.span,
            f"{tally.images} images, {tally.files} label files, 0 objects",
            severity=Severity.ERROR if use == "train" else Severity.WARNING,
            variant="test" if use == "test" else "",  # no training reads it
        )


RULE = Rule(
    __name__,
    Severity.ERROR,
    ("dataset",),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n-- labels/train/b.txt --\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n-- labels/train/b.txt --\n1 0.4 0.4 0.1 0.3\n",
        ),
    ),
)
