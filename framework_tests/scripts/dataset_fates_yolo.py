"""What ultralytics, or a fork of it, makes of small YOLO data sets with one defect each.

Each data set is loaded by `YOLODataset`, which checks every pair of an image and a label file with
`verify_image_label`. The rows of its bad image then pass the transforms of the training, without the random ones that
move boxes, and the assigner of the loss. The last line printed is a JSON object: what each of CASES came to.
"""

import json
import logging
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

if not hasattr(np, "trapz"):  # numpy 2 renamed a function of the metrics of the fork
    np.trapz = np.trapezoid
if find_spec("huggingface_hub") is None:  # the fork derives a model from a class of it
    hub = type("PyTorchModelHubMixin", (), {"__init_subclass__": lambda cls, **options: None})
    sys.modules["huggingface_hub"] = SimpleNamespace(PyTorchModelHubMixin=hub)

from ultralytics.cfg import DEFAULT_CFG
from ultralytics.data import YOLODataset
from ultralytics.data.utils import check_det_dataset
from ultralytics.utils import LOGGER
from ultralytics.utils.tal import TaskAlignedAssigner

Row = tuple[float, float, float, float, float]  # class; centre x, centre y, width, height in parts of the image
Rows = Sequence[Row]

SIDE = 64  # pixels, of the images and of the network
NAMES = ("one", "two", "three")
GOOD: Row = (0, 0.5, 0.5, 0.25, 0.25)
OTHER: Row = (1, 0.25, 0.25, 0.25, 0.25)
POINT = (0.5, 0.5, 2)  # of a pose: x, y, visibility
NAN = float("nan")
STILL = {"mosaic": 0.0, "translate": 0.0, "scale": 0.0, "fliplr": 0.0}  # nothing moves the boxes
DRAWS = 24  # from the transforms with all their defaults


@dataclass(frozen=True)
class Case:
    """A defect: `plant(folder)` brings it into a good data set, where `bad` is the image that it is about."""

    plant: Callable[[Path], None]
    written: Rows  # of the bad image, as they are written
    right: Rows | None = None  # as they should be; None if nobody can know


def label_of(folder: Path, stem: str = "bad") -> Path:
    return folder / f"labels/train/{stem}.txt"


def text(*rows: Sequence[object]) -> str:
    return "".join(" ".join(map(str, row)) + "\n" for row in rows)


def labels(content: str | bytes) -> Callable[[Path], None]:
    """Writes the label file of the bad image."""
    data = content if isinstance(content, bytes) else content.encode()
    return lambda folder: label_of(folder).write_bytes(data) and None


def row(*numbers: object, right: Rows | None = None) -> Case:
    """A second row in the label file of the bad image."""
    written = tuple(float(number) if isinstance(number, (int, float)) else NAN for number in numbers)
    return Case(labels(text(GOOD, numbers)), (GOOD, (*written, *[NAN] * 5)[:5]), right)


def pose(*rows: Sequence[object], point: Sequence[object] = POINT, right: Rows | None = None) -> Case:
    """Rows of boxes in the label file of the bad image of a data set of poses; the last one has the point."""
    rows = (GOOD, *rows)
    content = [(*row, *POINT) for row in rows[:-1]] + [(*rows[-1], *point)]

    def plant(folder: Path) -> None:
        with (folder / "data.yaml").open("a") as data:
            data.write("kpt_shape: [1, 3]\nflip_idx: [0]\n")
        for label in folder.glob("labels/*/*.txt"):
            label.write_text(text((*GOOD, *POINT)))
        label_of(folder).write_text(text(*content))

    return Case(plant, tuple(tuple(map(float, row)) for row in rows), right)


def keypoints(written: str) -> Case:
    """What a data yaml says of key points."""

    def plant(folder: Path) -> None:
        pose().plant(folder)
        without("kpt_shape")(folder)
        without("flip_idx")(folder)
        with (folder / "data.yaml").open("a") as data:
            data.write(written)

    return Case(plant, TWO)


def polygons(*points: float, right: Rows) -> Case:
    """Two polygons: the good box, and one that is given by its corners."""
    left, top, middle, size = 0.375, 0.375, 0.625, GOOD[3]
    corners = (left, top, middle, top, middle, middle, left, middle)
    xs, ys = points[::2], points[1::2]
    box = (1, (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2, max(xs) - min(xs), max(ys) - min(ys))
    return Case(labels(text((0, *corners), (1, *points))), ((*GOOD[:3], size, size), box), right)


def unreadable_image(folder: Path) -> None:
    image = folder / "images/train/bad.png"
    data = bytearray(image.read_bytes())
    data[len(data) // 2] ^= 255
    image.write_bytes(data)


def small_image(folder: Path) -> None:
    cv2.imwrite(str(folder / "images/train/bad.png"), np.zeros((9, SIDE, 3), np.uint8))


def image_of_another_format(folder: Path) -> None:
    Image.new("RGB", (SIDE, SIDE)).save(folder / "images/train/bad.png", "GIF")


def dead_link(path: str) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        (folder / path).unlink()
        (folder / path).symlink_to("nowhere")

    return plant


def shut(path: str) -> Callable[[Path], None]:
    """A file or folder that may not be read: the bad image or its label, or a folder to which they are moved."""

    def plant(folder: Path) -> None:
        if path.endswith("/apart"):
            for part, suffix in (("images", "png"), ("labels", "txt")):
                apart = folder / part / "train/apart"
                apart.mkdir()
                (folder / part / f"train/bad.{suffix}").rename(apart / f"bad.{suffix}")
        (folder / path).chmod(0)

    return plant


def open_again(folder: Path) -> None:
    for path in folder.rglob("*"):
        if not path.is_symlink() and not path.stat().st_mode & 0o700:
            path.chmod(0o700)


def pipe(folder: Path) -> None:
    label_of(folder).unlink()
    os.mkfifo(label_of(folder))


def loop(folder: Path) -> None:
    (folder / "images/train/loop").symlink_to(".", target_is_directory=True)


def listed(folder: Path) -> None:
    """A list as the source of train, and the bad image is not there."""
    (folder / "images/train/bad.png").unlink()
    (folder / "train.txt").write_text("./images/train/good.png\n./images/train/bad.png\n")
    data = folder / "data.yaml"
    data.write_text(data.read_text().replace("train: images/train", "train: train.txt"))


def hidden(folder: Path) -> None:
    """Images and labels as Jupyter and macOS leave them."""
    copies = folder / "images/train/.ipynb_checkpoints"
    copies.mkdir()
    shutil.copy(folder / "images/train/bad.png", copies / "bad-checkpoint.png")
    (folder / "images/train/._bad.png").write_bytes(b"\0")
    label_of(folder, "._bad").write_bytes(b"\0")


def given(line: str) -> Callable[[Path], None]:
    """Another line at the top of the data yaml."""
    return lambda folder: (folder / "data.yaml").write_text(line + (folder / "data.yaml").read_text()) and None


def linked_images(folder: Path) -> None:
    """The folder that data.yaml names is a link to where images and labels are."""
    (folder / "images/train").rename(folder / "images/real")
    (folder / "labels/train").rename(folder / "labels/real")
    (folder / "images/train").symlink_to("real", target_is_directory=True)


def stem_twice(folder: Path) -> None:
    image = cv2.imread(str(folder / "images/train/bad.png"))
    cv2.imwrite(str(folder / "images/train/bad.jpg"), image)


def in_two_splits(folder: Path) -> None:
    for part, suffix in (("images", "png"), ("labels", "txt")):
        shutil.copy(folder / f"{part}/train/bad.{suffix}", folder / f"{part}/val/bad.{suffix}")


def named_twice(folder: Path) -> None:
    data = folder / "data.yaml"
    data.write_text(data.read_text().replace("train: images/train", "train: [images/train, again.txt]"))
    (folder / "again.txt").write_text("./images/train/bad.png\n")


def stale_cache(folder: Path) -> None:
    """Loads the labels once, and then mends the class of a row, which keeps its length."""
    loaded(folder)
    before = label_of(folder).stat()
    label_of(folder).write_text(text(GOOD, (2, *OTHER[1:])))
    os.utime(label_of(folder), ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))


def without_objects(folder: Path) -> None:
    for label in (folder / "labels/train").iterdir():
        label.write_text("")


def fewer_names(folder: Path) -> None:
    data = folder / "data.yaml"
    data.write_text(data.read_text() + "nc: 2\n")


def names(written: str) -> Callable[[Path], None]:
    """Other names in the data yaml."""

    def plant(folder: Path) -> None:
        without("names")(folder)
        data = folder / "data.yaml"
        data.write_text(f"{data.read_text()}names: {written}\n")

    return plant


def without(key: str) -> Callable[[Path], None]:
    """Takes a key out of the data yaml."""

    def plant(folder: Path) -> None:
        data = folder / "data.yaml"
        kept = [line for line in data.read_text().splitlines(keepends=True) if not line.startswith(f"{key}:")]
        data.write_text("".join(kept))

    return plant


def empty_val(folder: Path) -> None:
    data = folder / "data.yaml"
    data.write_text(data.read_text().replace("val: images/val", "val:"))


OUTSIDE: Row = (1, 0.9375, 0.25, 0.25, 0.25)
CLIPPED: Row = (1, 0.90625, 0.25, 0.1875, 0.25)
TWO = (GOOD, OTHER)
BEYOND = 1.0078125  # by less than a hundredth
CASES = {
    "class-negative": row(-1, *OTHER[1:]),
    "class-too-large": row(7, *OTHER[1:]),
    "class-too-large/equal": row(len(NAMES), *OTHER[1:]),
    "class-not-integer": row(1.5, *OTHER[1:]),
    "class-not-number": row("two", *OTHER[1:]),
    "class-beyond-label-type": row(2**24 + 1, *OTHER[1:]),
    "coordinate-not-finite": row(1, "nan", *OTHER[2:]),
    "coordinate-not-finite/pose": pose((1, "inf", *OTHER[2:])),
    "coordinate-not-finite/pose, width": pose((1, 0.25, 0.25, "inf", 0.25)),
    "coordinate-not-finite/pose, nan": pose((1, "nan", *OTHER[2:])),
    "coordinate-not-finite/pose, below": pose((1, "-inf", *OTHER[2:])),
    "coordinate-not-finite/visibility": pose(OTHER, point=(0.5, 0.5, "inf"), right=TWO),
    "coordinate-not-finite/visibility, nan": pose(OTHER, point=(0.5, 0.5, "nan"), right=TWO),
    "coordinate-not-number": row(1, "0,25", *OTHER[2:]),
    "coordinate-outside": row(1, 1.25, *OTHER[2:]),
    "coordinate-outside/tolerated": row(
        *(1, BEYOND, 0.25, 0.25, 0.25), right=(GOOD, (1, (BEYOND + 0.875) / 2, 0.25, 1.125 - BEYOND, 0.25))
    ),
    "coordinate-outside/tolerated, below": row(
        *(1, 1 - BEYOND, 0.25, 0.25, 0.25), right=(GOOD, (1, 0.0585938, 0.25, 1.125 - BEYOND, 0.25))
    ),
    "coordinate-outside/tolerated, width": row(1, 0.5, 0.25, BEYOND, 0.25, right=(GOOD, (1, 0.5, 0.25, 1, 0.25))),
    "coordinate-outside/tolerated, point": pose(OTHER, point=(BEYOND, 0.25, 2), right=TWO),
    "coordinate-outside/tolerated-lost": row(1, BEYOND, 0.25, 0.015625, 0.25),
    "coordinate-outside/pose": pose((1, 1.25, *OTHER[2:])),
    "coordinate-outside/pose, point": pose(OTHER, point=(1.25, 0.25, 2)),
    "coordinate-outside/pose, below": pose((1, -0.25, *OTHER[2:])),
    "coordinate-outside/polygon": polygons(0.875, 0.125, 1.5, 0.125, 1.5, 0.375, 0.875, 0.375, right=()),
    "coordinate-in-pixels": row(1, 16, 16, 16, 16),
    "coordinate-in-pixels/pose": pose((1, 16, 16, 16, 16)),
    "edge-outside/pose": pose((1, 1.0625, *OTHER[2:]), right=(GOOD, (1, 0.96875, 0.25, 0.0625, 0.25))),
    "edge-outside/polygon": polygons(
        *(0.875, 0.125, 1.0625, 0.125, 1.0625, 0.375, 0.875, 0.375), right=(GOOD, (1, 0.9375, 0.25, 0.125, 0.25))
    ),
    "edge-outside": row(*OUTSIDE, right=(GOOD, CLIPPED)),
    "size-zero": row(1, 0.25, 0.25, 0, 0.25),
    "size-negative": row(1, 0.25, 0.25, -0.25, 0.25),
    "size-tiny": row(1, 0.25, 0.25, 0.0004, 0.25),
    "column-count/too-few": row(1, 0.25, 0.25, 0.25),
    "column-count/too-many": row(*OTHER, 0.9),
    "row-kinds-mixed": Case(labels(text(GOOD, (1, 0.125, 0.125, 0.375, 0.125, 0.375, 0.375, 0.125, 0.375))), TWO, TWO),
    "bytes-not-utf8": Case(labels(text(GOOD).encode() + b"1\xa00.25 0.25 0.25 0.25\n"), TWO, TWO),
    "byte-order-mark": Case(labels(b"\xef\xbb\xbf" + text(*TWO).encode()), TWO, TWO),
    "carriage-return": Case(labels(text(*TWO).encode().replace(b"\n", b"\r\n")), TWO, TWO),
    "row-duplicate": Case(labels(text(GOOD, OTHER, OTHER)), (*TWO, OTHER), TWO),
    "label-missing": Case(lambda folder: label_of(folder).unlink(), ()),
    "label-missing/none": Case(lambda folder: shutil.rmtree(folder / "labels/train"), ()),
    "label-empty": Case(labels(""), ()),
    "split-without-objects": Case(without_objects, ()),
    "label-orphan": Case(lambda folder: label_of(folder, "orphan").write_text(text(OTHER)) and None, TWO, TWO),
    "image-unreadable": Case(unreadable_image, TWO),
    "image-refused": Case(small_image, TWO),
    "image-refused, format": Case(image_of_another_format, TWO),
    "path-unreadable": Case(lambda folder: shutil.rmtree(folder / "images/train"), TWO),
    "path-unreadable/image": Case(listed, TWO),
    "path-unreadable/folder": Case(shut("images/train/apart"), TWO),
    "path-unreadable/loop": Case(loop, TWO),
    "path-unreadable/labels": Case(shut("labels/train/apart"), ()),
    "path-unreadable/no-labels": Case(shut("labels/train"), ()),
    "path-unreadable/label": Case(shut("labels/train/bad.txt"), TWO),
    "path-unreadable/no-label": Case(dead_link("labels/train/bad.txt"), ()),
    "path-unreadable/test": Case(given("test: images/nowhere\n"), TWO, TWO),
    "path-unreadable, all": Case(shut("images/train"), TWO),
    "path-unreadable, pipe": Case(pipe, ()),
    "path-unreadable, no image": Case(shut("images/train/bad.png"), TWO),
    "path-unreadable, image": Case(dead_link("images/train/bad.png"), TWO),
    "stem-twice": Case(stem_twice, TWO),
    "image-in-two-splits": Case(in_two_splits, TWO),
    "image-listed-twice": Case(named_twice, TWO),
    "class-count-differs": Case(fewer_names, TWO),
    "class-key-not-integer": Case(names("{one: 0, two: 1, three: 2}"), TWO),
    "class-count-unreadable": Case(names("one two three"), TWO),
    "class-count-unreadable, empty": Case(names("[]"), TWO),
    "class-count-unreadable, digits": Case(names("[one, two, three]\nnc: '3'"), TWO, TWO),
    "class-key-not-integer, digits": Case(names("{'0': one, 1.0: two, 0x2: three}"), TWO, TWO),
    "keypoint-shape-unreadable": keypoints("kpt_shape: [1, 4]\n"),
    "keypoint-shape-unreadable, number": keypoints("kpt_shape: 17\n"),
    "keypoint-shape-unreadable/flip": keypoints("kpt_shape: [1, 3]\nflip_idx: [0, 1]\n"),
    "split-missing": Case(without("val"), TWO),
    "split-missing, train": Case(without("train"), TWO),
    "split-missing, empty": Case(empty_val, TWO),
    "key-given-twice": Case(given("train: images/val\n"), TWO),
    "key-given-twice, names": Case(names("{0: one, 1: two, 1: both, 2: three}"), TWO),
    "hidden": Case(hidden, TWO, TWO),
    "linked images": Case(linked_images, TWO, TWO),
    "line ends": Case(labels("\u2028".join(text(GOOD, OTHER).splitlines()) + "\x85"), TWO, TWO),
    "class-never-seen": Case(lambda folder: None, TWO),
    "class-only-in-validation": Case(
        lambda folder: (folder / "labels/val/good.txt").write_text(text((2, *GOOD[1:]))) and None, TWO
    ),
    "class-rare": Case(lambda folder: None, TWO),
    "cache-stale": Case(stale_cache, TWO, (GOOD, (2, *OTHER[1:]))),
}


class Logged(logging.Handler):
    """What ultralytics says, in a `with` block."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += record.getMessage().splitlines()

    def __enter__(self) -> "Logged":
        LOGGER.addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        LOGGER.removeHandler(self)


def good_data_set(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for stem, split, rows in (("good", "train", [GOOD]), ("bad", "train", TWO), ("good", "val", [GOOD])):
        for part in ("images", "labels"):
            (folder / part / split).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"images/{split}/{stem}.png"), rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8))
        (folder / f"labels/{split}/{stem}.txt").write_text(text(*rows))
    names = ", ".join(NAMES)
    (folder / "data.yaml").write_text(
        f"path: {folder.resolve()}\ntrain: images/train\nval: images/val\nnames: [{names}]\n"
    )


def loaded(folder: Path, split: str = "train", **settings: float) -> Any:
    """The data set as the trainer builds it."""
    data = check_det_dataset(str(folder / "data.yaml"))
    hyp = deepcopy(DEFAULT_CFG)
    vars(hyp).update(settings)
    task = "pose" if "kpt_shape" in data else "detect"
    return YOLODataset(data[split], data=data, task=task, imgsz=SIDE, augment=split == "train", hyp=hyp)


def assigned(rows: torch.Tensor) -> None:
    """Has the rows assigned to anchors, as the loss does it, or raises what the loss raises."""
    centres = (torch.arange(8) + 0.5) * SIDE / 8
    anchors = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1).reshape(-1, 2)
    torch.manual_seed(0)
    boxes = torch.cat((anchors - 8, anchors + 8), 1)[None]
    middles, sizes = rows[:, 1:3] * SIDE, rows[:, 3:] * SIDE
    truth = torch.cat((middles - sizes / 2, middles + sizes / 2), 1)[None]
    TaskAlignedAssigner(topk=10, num_classes=len(NAMES), alpha=0.5, beta=6.0)(
        torch.rand(1, len(anchors), len(NAMES)),
        boxes,
        anchors,
        rows[None, :, :1],
        truth,
        truth.sum(2, keepdim=True).gt(0),
    )


def rows_of(sample: Any) -> torch.Tensor:
    return torch.cat((sample["cls"].reshape(-1, 1), sample["bboxes"].reshape(-1, 4)), 1).float()


def seen(folder: Path) -> dict[str, Any]:
    """What the training gets of the bad image: its rows before and after the transforms."""
    train, val = loaded(folder, **STILL), loaded(folder, "val")
    answer: dict[str, Any] = {
        "images": [Path(path).name for path in train.im_files],
        "validation images": [Path(path).name for path in val.im_files],
    }
    if "bad.png" not in answer["images"]:
        return answer
    index = answer["images"].index("bad.png")
    label = train.labels[index]
    answer["loaded"] = np.concatenate((label["cls"], label["bboxes"]), 1).tolist()
    rows = rows_of(train[index])
    if len(rows):
        assigned(rows)
    rows[:, 0] = rows[:, 0].long()  # as the assigner reads it
    answer["rows"] = rows.tolist()
    defaults = loaded(folder)
    torch.manual_seed(0)
    answer["classes by default"] = sorted(
        {int(row[0]) for _ in range(DRAWS) for row in rows_of(defaults[index]).tolist()}
    )
    return answer


def told(case: Case, folder: Path) -> Iterator[tuple[str, Any]]:
    good_data_set(folder)
    yield "written", case.written
    yield "right", case.right
    with Logged() as log:
        try:
            case.plant(folder)
            yield from seen(folder).items()
        except Exception as error:  # whatever stops the training is the answer
            frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
            yield "raised", f"{type(error).__name__} in {frames[-1]}: {error}"
        finally:
            open_again(folder)
    yield "log", [line.replace(str(folder.resolve()), "") for line in log.lines if "bad." in line]


def main() -> None:
    if os.geteuid() == 0 and "--bounded" not in sys.argv:  # root may read whatever is shut
        bounds = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
        os.execvp(bounds[0], [*bounds, sys.executable, *sys.argv, "--bounded"])
    torch.set_num_threads(1)
    answer = {name: dict(told(case, Path("sets") / name.replace("/", "-"))) for name, case in CASES.items()}
    print()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
