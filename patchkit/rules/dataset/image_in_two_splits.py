"""An image is in two splits.

What         The same path is in two splits; with --by-content, the same bytes under any name. Where nobody knows in
             which folders the images of COCO files are, their file names are compared.
Why          What is validated was trained on: the score is too good, and early stopping and the choice of the best
             weights follow it.
Example      val: images/train in the data yaml
Fix safety   there is none: only you know what was meant.
References   measured: no peer of 2026 reports it by default.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for split in dataset.splits:
        if split.same_as:
            message = f"{split.name} names the same files as {split.same_as}"
            yield Finding(message, split.span, f"{split.tally.images} images are in both")
    for first, of_first, second, of_second in dataset.shared:
        place = "it" if first == second else first
        yield Finding(
            f"{of_second} has the image, and {of_first} has {place} too", Span(second), "the path is the same"
        )
    spans = {split.name: split.span for split in dataset.splits}
    for names in dataset.shared_names:
        message = (
            f"{names.count} images of {names.split} have the file name of one of {names.first}: {names.example} is one"
        )
        evidence = "where the images are is not known: only their names were compared"
        yield Finding(message, spans[names.split], evidence, severity=Severity.NOTE)  # frames may be numbered anew
    for first, of_first, second, of_second in dataset.shared_content:
        message = f"the image of {of_second} is {first} of {of_first}"
        yield Finding(message, Span(second), "the bytes are the same", variant="content")


RULE = Rule(
    __name__,
    Severity.WARNING,
    ("dataset",),
    check,
    (
        Example(
            "-- data.yaml --\npath: .\ntrain: images/train\nval: images/train\nnc: 2\nnames: [a, b]\n",
            "-- data.yaml --\n"
            "path: .\n"
            "train: images/train\n"
            "val: images/val\n"
            "nc: 2\n"
            "names: [a, b]\n"
            "-- images/val/v.jpg --\n"
            "v\n"
            "-- labels/val/v.txt --\n"
            "0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
