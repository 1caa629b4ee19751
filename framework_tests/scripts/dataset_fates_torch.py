"""What detectors of torchvision and the cross entropy of torch make of one defect each.

A detector in training mode takes three images, of which the second has the defect; its losses are compared with those
of other targets in its place. The cross entropy takes the labels of class folders, as `ImageFolder` gives them. The
last line printed is a JSON object: "RetinaNet" and "Faster R-CNN" hold what each of TARGETS came to, "images" what the
readers of torchvision do with a bad image, "ids" what comes of TEXT_IDS, and "folder" what each of FOLDERS came to.
"""

import json
import math
import shutil
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from PIL import Image
from retinanet_training import Backbone
from torch import Tensor, nn
from torchvision.datasets import CocoDetection, ImageFolder
from torchvision.models.detection import FasterRCNN, RetinaNet

Row = tuple[float, ...]  # label; left, top, right, bottom in pixels
Rows = Sequence[Row]

CLASSES, SIDE = 5, 96
GOOD: Row = (1, 24, 24, 60, 60)
BOX = (40.0, 40.0, 72.0, 72.0)
OTHER: Row = (2, *BOX)
NAN = float("nan")


@dataclass(frozen=True)
class Targets:
    """The targets of the bad image, and which others the losses may be equal to."""

    rows: Rows
    right: Rows | None = None  # as they should be; None if nobody can know
    beside: tuple[Rows, Rows] = ((GOOD,), (OTHER,))  # of the images before and after it


def second(*row: float, right: Rows | None = None) -> Targets:
    return Targets((GOOD, row), right)


TARGETS = {
    "class-negative": second(-1, *BOX),
    "class-too-large": second(CLASSES + 2, *BOX),
    "class-too-large/equal": second(CLASSES, *BOX),
    "category-id-zero": Targets(((0, *BOX),), beside=((), ())),
    "category-unknown": second(77, *BOX),
    "category-ids-not-contiguous": Targets(((3, *GOOD[1:]), (90, *BOX))),
    "class-count-differs/fewer": second(CLASSES, *BOX),
    "class-count-differs/more": Targets((GOOD, OTHER)),
    "class-count-differs/splits": Targets((GOOD, OTHER), (GOOD, OTHER)),
    "class-not-integer": second(1.5, *BOX),
    "class-not-integer/whole": second(2.0, *BOX, right=(GOOD, OTHER)),
    "class-not-integer/whole, true": second(True, *BOX, right=(GOOD, (1, *BOX))),
    "coordinate-not-finite": second(2, NAN, *BOX[1:]),
    "coordinate-outside": second(2, 112, 40, 144, 72),
    "edge-outside": second(2, 72, 40, 112, 72, right=(GOOD, (2, 72, 40, SIDE, 72))),
    "edge-outside, centre outside": second(2, 90, 40, 130, 72, right=(GOOD, (2, 90, 40, SIDE, 72))),
    "size-zero": second(2, 40, 40, 40, 72),
    "size-negative": second(2, 72, 40, 40, 72),
    "size-tiny": second(2, 40, 40, 40 + 0.0004 * SIDE, 72),
    "row-duplicate": Targets((GOOD, OTHER, OTHER), (GOOD, OTHER)),
    "label-empty": Targets(()),
    "label-missing": Targets(()),
    "split-without-objects": Targets((), beside=((), ())),
    "annotation-unreadable": Targets(((2, *BOX[:3]),)),
    "annotation-unreadable/no-box": Targets(((2,),)),
    "annotation-unreadable/category-id, null": second(None, *BOX),
    "annotation-unreadable/category-id, nan": second(NAN, *BOX),
    "class-never-seen": Targets((GOOD, OTHER)),
    "class-never-seen/file-names": Targets((GOOD, OTHER)),
    "class-rare": Targets((GOOD, OTHER)),
}


def detector(kind: type[nn.Module], **options: int) -> nn.Module:
    """A model in training mode."""
    torch.manual_seed(0)
    model = kind(Backbone(), CLASSES, min_size=SIDE, max_size=SIDE, **options).train()
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d) and "classification_head" in name:
            nn.init.kaiming_normal_(module.weight)  # else the loss of one class is that of any other
    return model


def labels_of(ids: Sequence[Any]) -> Tensor:
    """Category ids as the loader of torchvision's references, and that of MLCommons after it, makes labels of them."""
    return torch.tensor(ids, dtype=torch.int64)


def losses(model: nn.Module, rows: Rows, beside: tuple[Rows, Rows]) -> Mapping[str, Tensor]:
    """With the same images each time, and these targets for the second of them."""
    images = list(torch.rand(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)))
    tables = [beside[0], rows, beside[1]]
    targets = [
        {
            "boxes": torch.tensor([row[1:] for row in table]) if table else torch.zeros(0, 4),
            "labels": labels_of([row[0] for row in table]),
        }
        for table in tables
    ]
    torch.manual_seed(1)  # a sampler of Faster R-CNN takes some of the proposals
    return model(images, targets)


def attempt(call: Callable[[], Iterator[tuple[str, Any]]]) -> Iterator[tuple[str, Any]]:
    try:
        yield from call()
    except Exception as error:  # whatever stops the training is the answer
        frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        yield "raised", f"{type(error).__name__} in {frames[-1]}: {error}"


def trained(model: nn.Module, targets: Targets) -> Iterator[tuple[str, Any]]:
    given = losses(model, targets.rows, targets.beside)
    sum(given.values()).backward()
    yield "losses", {name: loss.item() for name, loss in given.items()}
    others: dict[str, Rows] = {}
    if targets.rows:
        others["without the row"] = targets.rows[:-1]
        if isinstance(targets.rows[-1][0], float) and math.isfinite(targets.rows[-1][0]):
            others["the class below"] = [*targets.rows[:-1], (math.floor(targets.rows[-1][0]), *BOX)]
        others["the last class"] = [*targets.rows[:-1], (CLASSES - 1, *BOX)]
    if targets.right is not None:
        others["right"] = targets.right
    for name, rows in others.items():
        with torch.no_grad():
            other = losses(model, rows, targets.beside)
        yield f"same as {name}", all(torch.equal(given[part], other[part]) for part in given)


# Images


def image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (SIDE, SIDE)).save(path)


def unreadable_image(path: Path) -> None:
    image(path)
    path.write_bytes(path.read_bytes()[:60])


def dead_link(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("nowhere")


TEXT_IDS = {  # what the same loaders make tensors of
    "id-not-integer/of-image": lambda: torch.tensor(["a"]),
    "id-not-integer/of-category": lambda: labels_of(["a"]),
    "id-not-integer/number-of-category": lambda: labels_of([1]),  # of annotations: categories are not read
}
BAD_IMAGES = {"image-unreadable": unreadable_image, "path-unreadable": dead_link}


def opened_by_coco(plant: Callable[[Path], None], folder: Path) -> Iterator[tuple[str, Any]]:
    """`CocoDetection` reads the image of an id; only its index, which needs pycocotools, is not its own."""
    plant(folder / "bad.png")
    data_set = CocoDetection.__new__(CocoDetection)
    data_set.root = folder
    data_set.coco = SimpleNamespace(loadImgs=lambda number: [{"file_name": "bad.png"}])
    data_set._load_image(1)
    yield "opened", True


# Class folders


@dataclass(frozen=True)
class Folders:
    """Class folders with an image each: `plant(folder)` brings a defect in, or `label` is that of the first image."""

    plant: Callable[[Path], None] = lambda folder: None
    label: int | None = None


def in_two_splits(folder: Path) -> None:
    (folder / "val/a/0.png").write_bytes((folder / "train/a/0.png").read_bytes())


SPLITS = ("train", "val")


def without_last(folder: Path) -> None:
    for split in SPLITS:
        shutil.rmtree(folder / f"{split}/e")


FOLDERS = {
    "class-negative": Folders(label=-1),
    "class-too-large": Folders(label=CLASSES + 2),
    "class-too-large/equal": Folders(label=CLASSES),
    "class-beyond-label-type": Folders(label=2**24 + 1),
    "class-count-differs/fewer": Folders(lambda folder: image(folder / "train/z/0.png")),
    "class-count-differs/more": Folders(without_last),
    "class-never-seen/file-names": Folders(label=1),  # in place of 0, of which there is no other
    "class-only-in-validation/file-names": Folders(label=1),
    "class-never-seen": Folders(lambda folder: (folder / "train/z").mkdir()),
    "class-only-in-validation": Folders(lambda folder: image(folder / "val/aa/0.png")),
    "class-rare": Folders(),
    "image-in-two-splits": Folders(in_two_splits),
    "stem-twice": Folders(lambda folder: image(folder / "train/a/0.bmp")),
    "image-unreadable": Folders(lambda folder: unreadable_image(folder / "train/a/0.png")),
    "path-unreadable": Folders(lambda folder: shutil.rmtree(folder / "train")),
    "path-unreadable, image": Folders(lambda folder: dead_link(folder / "train/a/1.png")),
}


def classified(case: Folders, folder: Path) -> Iterator[tuple[str, Any]]:
    for split in SPLITS:
        for name in "abcde":
            image(folder / split / name / "0.png")
    case.plant(folder)
    train, val = ImageFolder(str(folder / "train")), ImageFolder(str(folder / "val"))
    shared = set(train.classes) & set(val.classes)
    yield (
        "other indices in validation",
        [name for name in sorted(shared) if train.class_to_idx[name] != val.class_to_idx[name]],
    )
    labels = torch.tensor([label for _, label in train])
    if case.label is not None:
        labels[0] = case.label
    torch.manual_seed(0)
    logits = torch.randn(len(labels), CLASSES, requires_grad=True)
    loss = nn.CrossEntropyLoss()(logits, labels)
    loss.backward()
    yield "loss", loss.item()
    yield "samples", len(train)


def main() -> None:
    torch.set_num_threads(1)
    folder = Path("sets")
    answer = {
        name: {key: dict(attempt(lambda m=model, t=targets: trained(m, t))) for key, targets in TARGETS.items()}
        for name, model in (
            ("RetinaNet", detector(RetinaNet)),
            ("Faster R-CNN", detector(FasterRCNN, rpn_post_nms_top_n_train=64)),
        )
    }
    answer["images"] = {
        key: dict(attempt(lambda p=plant, k=key: opened_by_coco(p, folder / f"coco/{k}")))
        for key, plant in BAD_IMAGES.items()
    }
    answer["ids"] = {
        key: dict(attempt(lambda c=call: iter([("tensor", c().tolist())]))) for key, call in TEXT_IDS.items()
    }
    answer["folder"] = {
        key: dict(attempt(lambda c=case, k=key: classified(c, folder / f"folder/{k.replace('/', '-')}")))
        for key, case in FOLDERS.items()
    }
    print()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
