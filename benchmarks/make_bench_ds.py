"""Write labels for object detection, the same ones for the same seed, with defects planted and known.

usage: make_bench_ds.py OUT [--files N] [--images N] [--seed N] [--clean] [--large]

  OUT/yolo/{images,labels}/train/NNN/    20,000 images, 7 boxes each as in COCO
  OUT/yolo/{images,labels}/val/          the first of them once more
  OUT/yolo/data.yaml                     train and val are the same folder; in train.yaml they are not
  OUT/coco/instances.json                120,000 images, 844,751 boxes
  OUT/truth.json                         each planted defect: the rule that finds it, its file and line or annotation id

--clean leaves the defects out and nothing else. --large writes yolo-10k, yolo-100k, yolo-300k and a json of 4 million
boxes instead. Images are one tiny JPEG behind many hard links. Standard library only.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain, count
from pathlib import Path
from random import Random
from typing import Any, TextIO

CLASSES = 80
# The ids that COCO gives its 80 categories.
CATEGORIES = [i for i in range(1, 91) if i not in {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}]
SEED = 20240614
COCO_SEED = 7
FILES = 20_000
IMAGES = 120_000
LARGE_FILES = {"yolo-10k": 10_000, "yolo-100k": 100_000, "yolo-300k": 300_000}
LARGE_IMAGES = 570_000  # 4,006,080 boxes, 891 MB
FOLDER = 2000  # files; a file system has a limit for links to one file
SIZES = [(640, 480), (480, 640), (640, 427), (500, 375)]
Box = tuple[float, float, float, float]  # centre x, centre y, width, height, in parts of the image
Json = dict[str, Any]


@dataclass(frozen=True)
class Planted:
    """One defect, and the rule that must find it."""

    kind: str
    rule: str
    path: str = ""  # of YOLO, from the folder of the data set on
    line: int | None = None
    annotation: int | None = None  # of COCO, the id as it is written


@dataclass
class Made:
    """What a data set holds."""

    files: int
    boxes: int = 0
    bytes: int = 0  # of labels
    planted: list[Planted] = field(default_factory=list)


# Rows of YOLO that are wrong, and the rule for each. {c} to {h} are a sound box.
ROWS = {
    "neg_class": ("class-negative", "-1 {x:.6f} {y:.6f} {w:.6f} {h:.6f}"),
    "class_ge_nc": ("class-too-large", "80 {x:.6f} {y:.6f} {w:.6f} {h:.6f}"),
    "nonint_class": ("class-not-integer", "3.5 {x:.6f} {y:.6f} {w:.6f} {h:.6f}"),
    "nan": ("coordinate-not-finite", "{c} nan {y:.6f} {w:.6f} {h:.6f}"),
    "inf": ("coordinate-not-finite", "{c} {x:.6f} inf {w:.6f} {h:.6f}"),
    "gt_one": ("coordinate-outside", "{c} 1.4 {y:.6f} {w:.6f} {h:.6f}"),
    "neg_coord": ("coordinate-outside", "{c} -0.2 {y:.6f} {w:.6f} {h:.6f}"),
    "zero_w": ("size-zero", "{c} {x:.6f} {y:.6f} 0.000000 {h:.6f}"),
    "neg_w": ("size-negative", "{c} {x:.6f} {y:.6f} -0.1 {h:.6f}"),
    "pixels": ("coordinate-in-pixels", "{c} 320.5 240.0 101.0 88.0"),
    "cols4": ("column-count", "{c} {x:.6f} {y:.6f} {w:.6f}"),
    "cols6": ("column-count", "{c} {x:.6f} {y:.6f} {w:.6f} {h:.6f} 0.91"),
    "garbage": ("class-not-number", "person 0.5 0.5 0.1 0.1"),
    "mixed_seg": ("row-kinds-mixed", "{c} 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2"),
    "huge_class": ("class-beyond-label-type", "16777217 {x:.6f} {y:.6f} {w:.6f} {h:.6f}"),
    "edge_over": ("edge-outside", "{c} 0.95 0.5 0.3 0.2"),
}
# Files of YOLO that are wrong: the rule, and the bytes made of sound rows.
WHOLE: dict[str, tuple[str, Callable[[list[str]], bytes]]] = {
    "bom": ("byte-order-mark", lambda rows: b"\xef\xbb\xbf" + _text(rows)),
    "crlf": ("carriage-return", lambda rows: _text(rows, "\r\n")),
    "empty": ("label-empty", lambda rows: b""),
    "whitespace": ("label-empty", lambda rows: b" \n\n"),
}
# The order in which files get them.
KINDS = [
    *("neg_class", "class_ge_nc", "nonint_class", "nan", "inf", "gt_one", "neg_coord", "zero_w", "neg_w", "pixels"),
    *("dup_row", "cols4", "cols6", "garbage", "bom", "crlf", "latin1", "empty", "whitespace", "mixed_seg"),
    *("huge_class", "edge_over"),
]
ANNOTATION_KINDS = ["bad_cat", "zero_w", "neg_h", "out", "orphan_image", "dup_ann_id", "cat0", "null_bbox", "nan"]


def make_yolo(folder: Path, files: int = FILES, seed: int = SEED, *, clean: bool = False) -> Made:
    """Write a data set of YOLO with `files` images."""
    made, random = Made(files), Random(seed)
    for index in range(files):
        place = f"{index // FOLDER:03d}/{index:012d}"
        label = folder / "labels/train" / f"{place}.txt"
        image = folder / "images/train" / f"{place}.jpg"
        if index % FOLDER == 0:
            label.parent.mkdir(parents=True)
            image.parent.mkdir(parents=True)
            first = image
            first.write_bytes(_jpeg())
        rows = [_row(random) for _ in range(_box_count(random))]
        made.boxes += len(rows)
        text = _text(rows) if rows else b""
        defect = _defect_in_file(index, rows, random)
        if defect is not None and not clean:
            planted, text = defect
            made.planted += [Planted(kind, rule, f"labels/train/{place}.txt", line) for kind, rule, line in planted]
        missing = "" if clean else {13: "missing_label", 17: "missing_image"}.get(index % 1000, "")
        if missing == "missing_label":
            made.planted.append(Planted(missing, "label-missing", f"images/train/{place}.jpg"))
        else:
            label.write_bytes(text)
            made.bytes += len(text)
        if missing == "missing_image":
            made.planted.append(Planted(missing, "label-orphan", f"labels/train/{place}.txt"))
        elif image != first:
            os.link(first, image)
    _write_val(folder)
    _write_yaml(folder)
    return made


def make_coco(path: Path, images: int = IMAGES, *, clean: bool = False) -> Made:
    """Write one json of COCO, a record at a time."""
    made, random = Made(1), Random(COCO_SEED)
    path.parent.mkdir(parents=True)
    sizes: list[tuple[int, int]] = []
    with path.open("w") as file:
        file.write('{"info":{"description":"synthetic"},"licenses":[{"id":1,"name":"x","url":"u"}],"images":[')
        _write_records(file, _images(images, random, sizes))
        file.write('],"annotations":[')
        _write_records(file, _annotations(sizes, random, made, clean=clean))
        categories = [{"supercategory": f"s{k % 12}", "id": c, "name": f"class{k}"} for k, c in enumerate(CATEGORIES)]
        file.write(f'],"categories":{json.dumps(categories)}}}')
    made.bytes = path.stat().st_size
    return made


def make(out: Path, *, files: int = FILES, images: int = IMAGES, seed: int = SEED, clean: bool = False) -> None:
    """Write a set of YOLO, one of COCO, and their truth."""
    yolo = make_yolo(out / "yolo", files, seed, clean=clean)
    _write_truth(out, {"yolo": yolo, "coco": make_coco(out / "coco/instances.json", images, clean=clean)})


def make_large(out: Path, *, seed: int = SEED, clean: bool = False) -> None:
    """Write sets that show how time and memory grow."""
    sets = {name: make_yolo(out / name, files, seed, clean=clean) for name, files in LARGE_FILES.items()}
    _write_truth(out, {**sets, "coco": make_coco(out / "coco/instances.json", LARGE_IMAGES, clean=clean)})


def _box_count(random: Random) -> int:
    """A number with a mean of 7 and at most 93, as in COCO; one image of a hundred has no box."""
    return 0 if random.random() < 0.01 else min(93, 1 + int(random.expovariate(1 / 6.6)))


def _class(random: Random) -> int:
    """A class of a long tail; 30 % are 0."""
    return 0 if random.random() < 0.30 else min(CLASSES - 1, int(random.expovariate(1 / 18.0)))


def _box(random: Random) -> Box:
    width, height = (min(0.999, max(0.002, random.betavariate(1.1, 4))) for _ in range(2))
    x, y = (random.uniform(size / 2, 1 - size / 2) for size in (width, height))
    return x, y, width, height


def _row(random: Random) -> str:
    x, y, width, height = _box(random)
    return f"{_class(random)} {x:.6f} {y:.6f} {width:.6f} {height:.6f}"


def _text(rows: list[str], end: str = "\n") -> bytes:
    return (end.join(rows) + end).encode()


def _defect_in_file(index: int, rows: list[str], random: Random) -> tuple[list[tuple[str, str, int]], bytes] | None:
    """The kind, rule and line of what is planted in a file, and the bytes of the file; None for a sound one."""
    if index % 400 != 7:
        return None
    kind = KINDS[index // 400 % len(KINDS)]
    label, (x, y, w, h) = _class(random), _box(random)
    last = len(rows) + 1
    if kind in WHOLE:
        rule, encode = WHOLE[kind]
        return [(kind, rule, 1)], encode(rows)
    if kind == "latin1":
        return [(kind, "bytes-not-utf8", last)], _text([*rows, "# caf"])[:-1] + b"\xe9\n"
    if kind == "dup_row":
        sound = rows or ["0 0.5 0.5 0.1 0.1"]
        return [(kind, "row-duplicate", len(sound) + 1)], _text([*sound, sound[0]])
    rule, row = ROWS[kind]
    found = [(kind, rule, last)] if rows or kind != "mixed_seg" else []  # one polygon is no mixture
    return found, _text([*rows, row.format(c=label, x=x, y=y, w=w, h=h)])


def _images(number: int, random: Random, sizes: list[tuple[int, int]]) -> Iterator[Json]:
    for index in range(1, number + 1):
        sizes.append(random.choice(SIZES))
        width, height = sizes[-1]
        name = f"{index:012d}.jpg"
        yield {
            **{"license": 1, "file_name": name, "coco_url": f"http://x/{name}", "height": height, "width": width},
            **{"date_captured": "2013-11-14 17:02:52", "flickr_url": "http://f/x", "id": index},
        }


def _annotations(sizes: list[tuple[int, int]], random: Random, made: Made, *, clean: bool) -> Iterator[Json]:
    numbers = count(1)
    for image, size in enumerate(sizes, 1):
        for _ in range(_box_count(random)):
            annotation = _annotation(random, image, size, next(numbers))
            made.boxes += 1
            if annotation["id"] % 20_000 == 6 and not clean:
                kind = ANNOTATION_KINDS[annotation["id"] // 20_000 % len(ANNOTATION_KINDS)]
                rule = _spoil(annotation, kind, size, len(sizes))
                made.planted.append(Planted(kind, rule, annotation=annotation["id"]))
            yield annotation


def _annotation(random: Random, image: int, size: tuple[int, int], number: int) -> Json:
    x, y, w, h = _box(random)
    width, height = round(w * size[0], 2), round(h * size[1], 2)
    left, top = round(x * size[0] - width / 2, 2), round(y * size[1] - height / 2, 2)
    right, bottom = left + width, top + height
    return {
        "segmentation": [[left, top, right, top, right, bottom, left, bottom]],
        **{"area": round(width * height, 4), "iscrowd": 0, "image_id": image},
        "bbox": [max(0, left), max(0, top), width, height],
        **{"category_id": CATEGORIES[_class(random)], "id": number},
    }


def _spoil(annotation: Json, kind: str, size: tuple[int, int], images: int) -> str:
    """Change an annotation, and give the rule that must find it."""
    box = annotation["bbox"]
    if kind == "zero_w":
        box[2] = 0
        return "size-zero"
    if kind == "neg_h":
        box[3] = -5.0
        return "size-negative"
    if kind in {"out", "nan"}:  # JSON has no NaN
        box[0], box[2] = (size[0] - 1.0, 50.0) if kind == "out" else (-1.5, box[2])
        return "coordinate-outside" if box[0] + box[2] <= 0 or box[0] >= size[0] else "edge-outside"
    rule, key, value = {
        "bad_cat": ("category-unknown", "category_id", 12),
        "cat0": ("category-unknown", "category_id", 0),
        "orphan_image": ("image-unknown", "image_id", images + 1000),
        "dup_ann_id": ("annotation-id-duplicate", "id", annotation["id"] - 1),
        "null_bbox": ("annotation-unreadable", "bbox", []),
    }[kind]
    annotation[key] = value
    return rule


def _write_records(file: TextIO, records: Iterator[Json]) -> None:
    first = (json.dumps(next(records), separators=(",", ":")),)
    file.writelines(chain(first, ("," + json.dumps(record, separators=(",", ":")) for record in records)))


def _write_val(folder: Path) -> None:
    """An image to validate on whose classes are in train: the first one, which has no defect."""
    for kind, name in (("labels", "000000000000.txt"), ("images", "000000000000.jpg")):
        (folder / kind / "val").mkdir()
        os.link(folder / kind / "train/000" / name, folder / kind / "val" / name)


def _write_yaml(folder: Path) -> None:
    names = "".join(f"  {index}: class{index}\n" for index in range(CLASSES))
    head, tail = f"path: {folder.absolute()}\ntrain: images/train\n", f"nc: {CLASSES}\nnames:\n{names}"
    (folder / "data.yaml").write_text(f"{head}val: images/train\n{tail}")
    (folder / "train.yaml").write_text(f"{head}val: images/val\n{tail}")


def _write_truth(out: Path, sets: dict[str, Made]) -> None:
    (out / "truth.json").write_text(json.dumps({name: asdict(made) for name, made in sets.items()}, indent=1))


def summary(out: Path) -> str:
    """One line for each set."""
    sets = json.loads((out / "truth.json").read_text())
    return "\n".join(
        f"{out / name}: {made['files']:,} files, {made['boxes']:,} boxes, {made['bytes'] / 1e6:.1f} MB of labels, "
        f"{len(made['planted'])} defects"
        for name, made in sets.items()
    )


def _jpeg() -> bytes:
    """A sound JPEG of 64 x 48 grey pixels.

    Each of the 48 blocks is two bits: the same brightness as the block before, and no detail.
    """
    quantization = b"\xff\xdb\x00\x43\x00" + b"\x01" * 64
    frame = b"\xff\xc0\x00\x0b\x08" + (48).to_bytes(2, "big") + (64).to_bytes(2, "big") + b"\x01\x01\x11\x00"
    one_code = b"\x01" + b"\x00" * 15 + b"\x00"
    tables = b"".join(b"\xff\xc4\x00\x14" + table + one_code for table in (b"\x00", b"\x10"))
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x00" * 12
    return b"\xff\xd8" + quantization + frame + tables + scan + b"\xff\xd9"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write labels with known defects.")
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder that does not exist yet")
    parser.add_argument("--files", type=int, default=FILES, help="images of YOLO (default: %(default)s)")
    parser.add_argument("--images", type=int, default=IMAGES, help="images of COCO (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of YOLO (default: %(default)s)")
    parser.add_argument("--clean", action="store_true", help="plant no defects")
    parser.add_argument("--large", action="store_true", help="write sets of up to 300,000 files and 4 million boxes")
    arguments = parser.parse_args()
    if arguments.out.exists():
        parser.error(f"{arguments.out} exists")
    if arguments.large:
        make_large(arguments.out, seed=arguments.seed, clean=arguments.clean)
    else:
        kept = {"seed": arguments.seed, "clean": arguments.clean}
        make(arguments.out, files=arguments.files, images=arguments.images, **kept)
    print(summary(arguments.out))


if __name__ == "__main__":
    main()
