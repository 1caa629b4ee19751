"""What PaddleDetection makes of small data sets of COCO and VOC with one defect each.

Each data set is read by `parse_dataset` of its class. The record of its bad image then passes `Decode` and `Resize`,
which are in every training of PaddleDetection, to its own size. The last line printed is a JSON object: what each case
of "coco" and of "voc" came to, "heads" with fewer or more classes than labels, what "pycocotools" alone gives, the
indices of "splits" with other categories, and what an "ImageFolder" reads.
"""

import json
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import paddle
from paddle_heads import CLASSES, DYNAMIC, STATIC, _padded, _trained, ppyoloe_head
from ppdet.data.reader import TrainReader
from ppdet.data.source import coco as coco_source
from ppdet.data.source import voc as voc_source
from ppdet.data.source.dataset import ImageFolder
from ppdet.data.transform.operators import Decode, Resize
from ppdet.modeling.assigners import ATSSAssigner
from pycocotools.coco import COCO

Row = tuple[float, float, float, float, float]  # class; left, top, right, bottom in pixels
Rows = Sequence[Row]
Json = dict[str, Any]

SIDE = 64  # pixels
NAMES = ("one", "two", "three")
GOOD_ID, BAD_ID = 1, 2  # of images
GOOD: Row = (0, 24, 24, 40, 40)
OTHER: Row = (1, 8, 8, 24, 24)
ELSEWHERE: Row = (1, 40, 40, 56, 56)  # in the good image
TWO = (GOOD, OTHER)
NAN = float("nan")


@dataclass(frozen=True)
class Case:
    """The rows of the bad image, or what `change(content)` and `plant(folder)` make of a good data set."""

    written: Rows = TWO
    right: Rows | None = None  # as they should be; None if nobody can know
    change: Callable[[Any], Any] = lambda content: content  # of the JSON document, or the text of the XML file
    plant: Callable[[Path], None] = lambda folder: None
    is_batched: bool = False  # the first batch is read too


def unreadable_image(folder: Path) -> None:
    (folder / "bad.png").write_bytes(b"no image")


def second(*row: float, right: Rows | None = None) -> Case:
    """A second row of the bad image."""
    return Case((GOOD, row), right)  # type: ignore[arg-type]


ROWS = {
    "coordinate-outside": second(1, 80, 8, 96, 24),
    "edge-outside": second(1, 52, 8, 68, 24, right=(GOOD, (1, 52, 8, SIDE, 24))),
    "edge-outside, centre outside": second(1, 58, 8, 80, 24, right=(GOOD, (1, 58, 8, SIDE, 24))),
    "edge-outside, all edges": second(1, -64, -8, 160, 80, right=(GOOD, (1, 0, 0, SIDE, SIDE))),
    "coordinate-not-finite": second(1, NAN, 8, 24, 24),
    "size-zero": second(1, 8, 8, 8, 24),
    "size-negative": second(1, 24, 8, 8, 24),
    "size-tiny": second(1, 8, 8, 8 + 0.0004 * SIDE, 24),
    "row-duplicate": Case((*TWO, OTHER), TWO),
    "label-empty": Case(()),
    "image-unreadable": Case(plant=unreadable_image),
    "image-unreadable, missing": Case(plant=lambda folder: (folder / "bad.png").unlink()),
    "class-never-seen": Case(),  # the third one
    "class-rare": Case(),
}


def bad_box(box: list[float]) -> Callable[[Json], Json]:
    """Writes a box in place of the last one."""
    return of_last(bbox=box)


def of_last(**values: Any) -> Callable[[Json], Json]:
    """Writes members of the last annotation."""

    def change(content: Json) -> Json:
        content["annotations"][-1].update(values)
        return content

    return change


def of_last_without(member: str) -> Callable[[Json], Json]:
    """Takes a member from the last annotation."""

    def change(content: Json) -> Json:
        del content["annotations"][-1][member]
        return content

    return change


def null_twice(content: Json) -> Json:
    """Gives null for an id to an annotation of the good image and to the last one of the bad image."""
    return id_twice(of_last(id=None)(content))


def without_name(content: Json) -> Json:
    del content["categories"][-1]["name"]
    return content


def with_text_ids(member: str, reference: str, prefix: str = "id ") -> Callable[[Json], Json]:
    """Writes the ids of images or categories as text."""

    def change(content: Json) -> Json:
        for each in content[member]:
            each["id"] = f"{prefix}{each['id']}"
        for each in content["annotations"]:
            each[reference] = f"{prefix}{each[reference]}"
        return content

    return change


def bad_annotation(**values: Any) -> Callable[[Json], Json]:
    """Writes members of the last annotation; None takes one away."""

    def change(content: Json) -> Json:
        last = {**content["annotations"][-1], **values}
        content["annotations"][-1] = {name: value for name, value in last.items() if value is not None}
        return content

    return change


def id_twice(content: Json) -> Json:
    """Gives an annotation of the good image, which stands first and last, the id of the last of the bad image."""
    last = content["annotations"][-1]["id"]
    return {**content, "annotations": [*content["annotations"], annotation(last, GOOD_ID, ELSEWHERE)]}


def foreign(**values: int) -> Callable[[Json], Json]:
    """An annotation more, with other values."""
    return lambda content: {
        **content,
        "annotations": [*content["annotations"], {**annotation(99, BAD_ID, ELSEWHERE), **values}],
    }


GAPS = (3, 7, 90)


def with_gaps(content: Json) -> Json:
    for each in content["annotations"]:
        each["category_id"] = GAPS[each["category_id"]]
    return {**content, "categories": [{"id": number, "name": name} for number, name in zip(GAPS, NAMES, strict=True)]}


def with_float_ids(member: str) -> Callable[[Json], Json]:
    """Writes the ids of images or categories as 1.0."""

    def change(content: Json) -> Json:
        for each in content[member]:
            each["id"] = float(each["id"])
        return content

    return change


def of_image(**values: Any) -> Callable[[Json], Json]:
    """Writes members of the bad image; None takes one away."""

    def change(content: Json) -> Json:
        image = {**content["images"][-1], **values}
        content["images"][-1] = {name: value for name, value in image.items() if value is not None}
        return content

    return change


def image_id_twice(content: Json) -> Json:
    """Gives the good image, which stands first, and its annotation the id of the bad one."""
    for each in content["annotations"]:
        each["image_id"] = BAD_ID
    content["images"][0]["id"] = BAD_ID
    return content


def category_id_twice(content: Json) -> Json:
    """Gives the second category and its objects the id of the first."""
    for each in content["annotations"]:
        each["category_id"] = 0
    content["categories"][1]["id"] = 0
    return content


def without(member: str) -> Callable[[Json], Json]:
    return lambda content: {key: value for key, value in content.items() if key != member}


def of_another_task(content: Json, **instead: Any) -> Json:
    """Writes what COCO's captions or its segments of panoptic pictures have, of which only captions have ids."""
    ids = range(1, len(content["annotations"]) + 1) if "caption" in instead else ()
    annotations = [{"image_id": one["image_id"], **instead} for one in content["annotations"]]
    for each, id in zip(annotations, ids, strict=False):
        each["id"] = id
    return {**content, "annotations": annotations}


def without_objects(folder: Path) -> None:
    for name in ("good.xml", "bad.xml"):
        (folder / name).write_text(voc(()))


def comma_twice(folder: Path) -> None:
    labels = folder / "labels.json"
    labels.write_text(labels.read_text().replace("}, {", "},, {", 1))


OF_FILES = {
    "record-id-duplicate/image": Case(change=image_id_twice),
    "record-id-duplicate/category": Case((GOOD, (0, *OTHER[1:])), change=category_id_twice),
    "annotation-unreadable/json": Case(plant=comma_twice),
    "annotation-unreadable/record": Case(change=lambda all: {**all, "annotations": [*all["annotations"], None]}),
    "annotation-unreadable/member": Case(change=lambda all: {**all, "images": None}),
    "annotation-unreadable/no-categories": Case(TWO, TWO, change=without("categories")),
    "annotation-unreadable/image-id": Case(change=of_image(id=None)),
    "annotation-unreadable/image-file-name": Case(change=of_image(file_name=None)),
    "annotation-unreadable/image-no-size": Case(TWO, TWO, change=of_image(width=None)),
    "annotation-unreadable/image-size-negative": Case(TWO, TWO, change=of_image(width=-SIDE)),
    "annotation-unreadable/image-size-odd": Case(TWO, TWO, change=of_image(width=0, height=str(SIDE))),
    "annotation-unreadable/category-id": Case(change=of_last_without("category_id")),
    "annotation-unreadable/annotation-id": Case(change=of_last_without("id")),
    "annotation-unreadable/annotation-id, list": Case(change=of_last(id=[1])),
    "annotation-unreadable/annotation-id-null": Case(change=null_twice),
    "annotation-unreadable/category-name": Case(TWO, TWO, change=without_name),
    "image-unknown/no-id": Case(change=of_last_without("image_id")),
    "path-unreadable/no-json": Case(plant=lambda folder: (folder / "labels.json").write_text("[]") and None),
    "path-unreadable/no-images": Case(change=without("images")),
    "path-unreadable/no-annotations": Case(change=without("annotations")),
    "path-unreadable/captions": Case(change=lambda all: of_another_task(without("categories")(all), caption="a cat")),
    "path-unreadable/segments": Case(change=lambda all: of_another_task(all, segments_info=[])),
}
COCO_CASES = {
    **ROWS,
    **OF_FILES,
    "label-missing": Case(()),
    "split-without-objects": Case((), change=lambda all: {**all, "annotations": []}),
    "path-unreadable": Case(plant=lambda folder: (folder / "labels.json").unlink()),
    "annotation-id-duplicate": Case(change=id_twice),
    "image-unknown": Case((*TWO, ELSEWHERE), change=foreign(image_id=77)),
    "category-id-zero": Case(TWO, TWO),
    "category-unknown": Case((*TWO, (77, *ELSEWHERE[1:])), change=foreign(category_id=77)),
    "category-ids-not-contiguous": Case(((3, *GOOD[1:]), (7, *OTHER[1:])), TWO, change=with_gaps),
    "annotation-unreadable": Case(change=bad_box([8, 8, 16])),
    "annotation-unreadable/no-box": Case(change=bad_box([])),
    "annotation-unreadable/no-box, missing": Case(change=of_last_without("bbox")),
    "annotation-unreadable, null": Case(change=of_last(bbox=None)),
    "annotation-unreadable/category-id, null": Case(change=of_last(category_id=None)),
    "annotation-unreadable/category-id, nan": Case(change=of_last(category_id=NAN)),
    "class-not-integer": Case(change=of_last(category_id=1.5)),
    "class-not-integer/whole": Case(TWO, TWO, change=of_last(category_id=1.0)),
    "class-not-integer/whole, true": Case(TWO, TWO, change=of_last(category_id=True)),
    "id-not-integer/of-image": Case(TWO, TWO, change=with_text_ids("images", "image_id"), is_batched=True),
    "id-not-integer/of-category": Case(TWO, TWO, change=with_text_ids("categories", "category_id")),
    "id-not-integer/of-category, one character": Case(
        TWO, TWO, change=with_text_ids("categories", "category_id", prefix=""), is_batched=True
    ),
    "id-not-integer/number-of-image": Case(TWO, TWO, change=with_float_ids("images"), is_batched=True),
    "id-not-integer/number-of-category": Case(TWO, TWO, change=with_float_ids("categories")),
    "sound": Case(TWO, TWO, is_batched=True),
    "annotation-unreadable/no-box, absent": Case(change=bad_annotation(bbox=None)),
    "annotation-incomplete/area": Case(change=bad_annotation(area=None)),
    "annotation-incomplete/iscrowd": Case(change=bad_annotation(iscrowd=None)),
    "annotation-incomplete/iscrowd-odd": Case(change=bad_annotation(iscrowd="0")),
    "annotation-incomplete/area-zero": Case(change=bad_annotation(area=0)),
}
BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
VOC_CASES = {
    **ROWS,
    "label-missing": Case(plant=lambda folder: (folder / "bad.xml").unlink()),
    "path-unreadable": Case(plant=lambda folder: (folder / "train.txt").unlink()),
    "split-without-objects": Case((), plant=without_objects),
    "label-orphan": Case(TWO, TWO, plant=lambda folder: (folder / "orphan.xml").write_text(voc((OTHER,))) and None),
    "category-unknown": Case(change=lambda content: content.replace("<name>two", "<name>five")),
    "annotation-unreadable": Case(change=lambda content: content.replace("bndbox", "polygon")),
    "annotation-unreadable, cut": Case(change=lambda content: content[:-40]),
    "annotation-unreadable, undefined": Case(
        change=lambda content: f'<!DOCTYPE a SYSTEM "a.dtd">{used(content, "two")}'
    ),
    "annotation-unreadable, doctype": Case(TWO, TWO, change=lambda content: f"<!DOCTYPE a>{content}"),
    "annotation-unreadable, text": Case(
        TWO, TWO, change=lambda content: f'<!DOCTYPE a [<!ENTITY two "two">]>{used(content, "two")}'
    ),
    "annotation-unreadable/entity": Case(
        change=lambda content: f'<!DOCTYPE a [<!ENTITY l0 "lol">{BOMB}]>{used(content, "l11")}'
    ),
    "annotation-unreadable/entity, file": Case(
        change=lambda content: f'<!DOCTYPE a [<!ENTITY x SYSTEM "names.txt">]>{used(content, "x")}'
    ),
    "coordinate-outside, last pixel": second(1, SIDE - 0.5, 8, 80, 24),
    "path-unreadable, label_list": Case(plant=lambda folder: (folder / "names.txt").unlink()),
}


def used(content: str, entity: str) -> str:
    """The text of an XML file that names a class by an entity."""
    return content.replace("<name>two", f"<name>&{entity};")


def annotation(number: int, image: int, row: Row) -> Json:
    label, left, top, right, bottom = row
    box = [left, top, right - left, bottom - top]
    return {"id": number, "image_id": image, "category_id": label, "bbox": box, "area": 256, "iscrowd": 0}


def coco(rows: Rows) -> Json:
    of_images = [(GOOD_ID, ELSEWHERE), *((BAD_ID, row) for row in rows)]
    files = {GOOD_ID: "good.png", BAD_ID: "bad.png"}
    return {
        "images": [{"id": number, "file_name": name, "width": SIDE, "height": SIDE} for number, name in files.items()],
        "annotations": [annotation(number, image, row) for number, (image, row) in enumerate(of_images, 1)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(NAMES)],
    }


def voc(rows: Rows) -> str:
    objects = "".join(
        f"<object><name>{NAMES[int(label)]}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin>"
        f"<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
        for label, left, top, right, bottom in rows
    )
    return f"<annotation><size><width>{SIDE}</width><height>{SIDE}</height></size>{objects}</annotation>"


def images(folder: Path) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("good", "bad"):
        cv2.imwrite(str(folder / f"{name}.png"), rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8))


FIELDS = ["image", "gt_bbox", "gt_class", "is_crowd"]


def coco_data_set(case: Case, folder: Path) -> Any:
    (folder / "labels.json").write_text(
        json.dumps(case.change(coco(case.written if case.change is Case.change else TWO)))
    )
    return coco_source.COCODataSet(str(folder), "", "labels.json", data_fields=FIELDS)


def voc_data_set(case: Case, folder: Path) -> Any:
    (folder / "good.xml").write_text(voc((ELSEWHERE,)))
    (folder / "bad.xml").write_text(case.change(voc(case.written)))
    (folder / "names.txt").write_text("\n".join(NAMES))
    (folder / "train.txt").write_text("good.png good.xml\nbad.png bad.xml\n")
    return voc_source.VOCDataSet(str(folder), "", "train.txt", data_fields=FIELDS, label_list="names.txt")


@dataclass
class Warned(logging.Handler):
    """The warnings of the readers, in a `with` block."""

    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(logging.WARNING)

    __hash__ = object.__hash__

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def __enter__(self) -> "Warned":
        for source in (coco_source, voc_source):
            source.logger.addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        for source in (coco_source, voc_source):
            source.logger.removeHandler(self)


def attempt(call: Callable[[], Iterator[tuple[str, Any]]]) -> Iterator[tuple[str, Any]]:
    try:
        yield from call()
    except Exception as error:  # whatever stops the training is the answer
        frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        yield "raised", f"{type(error).__name__} in {frames[-1]}: {str(error)[:200]}"


def first_batch(data_set: Any) -> None:
    """Read it as PP-YOLOE's TrainReader does."""
    reader = TrainReader(
        [{"Decode": {}}, {"Resize": {"target_size": [SIDE, SIDE], "keep_ratio": False}}],
        [{"Permute": {}}, {"PadGT": {}}],
        batch_size=2,
    )
    next(reader(data_set, 0))


def seen(data_set: Any) -> Iterator[tuple[str, Any]]:
    """What the training gets of the bad image: its rows before and after the transforms."""
    data_set.parse_dataset()
    records = {Path(record["im_file"]).name: record for record in data_set.roidbs}
    yield "images", sorted(records)
    if "bad.png" in records:
        record = records["bad.png"]
        yield "loaded", np.concatenate((record["gt_class"], record["gt_bbox"]), 1).tolist()
        sample = Resize((SIDE, SIDE), keep_ratio=False)(Decode()(dict(record)))
        yield "rows", np.concatenate((sample["gt_class"], sample["gt_bbox"]), 1).tolist()


def told(case: Case, folder: Path, new: Callable[[Case, Path], Any]) -> Iterator[tuple[str, Any]]:
    images(folder)
    data_set = new(case, folder)
    case.plant(folder)
    yield "written", case.written
    yield "right", case.right
    with Warned() as log:
        yield from attempt(lambda: seen(data_set))
        if case.is_batched:
            yield from attempt(lambda: iter([("batch", first_batch(data_set))]))
    yield "log", [line.replace(str(folder), "") for line in log.lines]


def with_classes(classes: int, epoch: int) -> Iterator[tuple[str, Any]]:
    """The loss of PP-YOLOE of objects with CLASSES classes."""
    rng = np.random.default_rng(0)
    head = ppyoloe_head(num_classes=classes, static_assigner=ATSSAssigner(num_classes=classes))
    targets = _padded(rng, (3, 2), epoch)
    targets["gt_class"] = (targets["pad_gt_mask"] * (CLASSES - 1)).astype("int64")
    loss = _trained(head, rng, lambda features: head(features, targets))
    yield from ((name, float(value.sum())) for name, value in loss.parts().items())


def of_pycocotools(case: Case, folder: Path) -> Iterator[tuple[str, Any]]:
    """What CocoDetection reads of the bad image, with all images that it would draw."""
    folder.mkdir(parents=True)
    (folder / "labels.json").write_text(json.dumps(case.change(coco(TWO))))
    case.plant(folder)
    index = COCO(folder / "labels.json")
    found = index.loadAnns(index.getAnnIds(imgIds=[BAD_ID]))
    yield "boxes", [each["bbox"] for each in found]
    yield "classes", [each["category_id"] for each in found]
    yield "images", sorted(index.imgs)
    yield "file", index.loadImgs(BAD_ID)[0]["file_name"]


def text_of_image(folder: Path) -> Iterator[tuple[str, Any]]:
    """What CocoDetection asks of an image with an id of several characters."""
    folder.mkdir(parents=True)
    (folder / "labels.json").write_text(json.dumps(with_text_ids("images", "image_id")(coco(TWO))))
    yield "file", COCO(folder / "labels.json").loadImgs("id 1")[0]["file_name"]


def number_of_image(folder: Path) -> Iterator[tuple[str, Any]]:
    """What CocoDetection asks of an image whose id is 1.0."""
    folder.mkdir(parents=True)
    (folder / "labels.json").write_text(json.dumps(with_float_ids("images")(coco(TWO))))
    yield "file", COCO(folder / "labels.json").loadImgs(1.0)[0]["file_name"]


def of_splits(folder: Path) -> Json:
    """The indices that two files give the same categories, of which the second one lacks the first."""
    images(folder)
    indices = {}
    for split, first in (("train", 0), ("val", 1)):
        content = coco(TWO[first:])
        content["annotations"] = [one for one in content["annotations"] if one["category_id"] >= first]
        (folder / f"{split}.json").write_text(json.dumps({**content, "categories": content["categories"][first:]}))
        data_set = coco_source.COCODataSet(str(folder), "", f"{split}.json", data_fields=FIELDS)
        data_set.parse_dataset()
        indices[split] = data_set.cname2cid
    return indices


def of_image_folder(folder: Path) -> Json:
    """What the class of stock TestDatasets reads where its `anno_path` is not there."""
    images(folder)
    data_set = ImageFolder("", [str(folder)], "no.json")
    data_set.parse_dataset()
    return {"images": len(data_set.roidbs), "members": sorted(data_set.roidbs[0])}


def other_names(content: Json) -> Json:
    """The same objects, with the ids of the first two categories changed over."""
    ids = [1, 0, 2]
    for each in content["annotations"]:
        each["category_id"] = ids[each["category_id"]]
    return {**content, "categories": [{"id": ids[index], "name": name} for index, name in enumerate(NAMES)]}


def of_two_files(folder: Path) -> Iterator[tuple[str, Any]]:
    """The class of one object in a file, and in another that numbers the categories otherwise."""
    classes, ids = [], []
    for number, change in enumerate((Case.change, other_names)):
        place = folder / str(number)
        images(place)
        content = change(coco((GOOD,)))
        content["categories"].sort(key=lambda category: category["id"])
        (place / "labels.json").write_text(json.dumps(content))
        data_set = coco_source.COCODataSet(str(place), "", "labels.json", data_fields=FIELDS)
        data_set.parse_dataset()
        classes += [int(each["gt_class"][0, 0]) for each in data_set.roidbs if each["im_file"].endswith("bad.png")]
        index = COCO(place / "labels.json")
        ids += [each["category_id"] for each in index.loadAnns(index.getAnnIds(imgIds=[BAD_ID]))]
    yield "paddledetection", classes
    yield "pycocotools", ids


def main() -> None:
    paddle.set_device("cpu")
    folder = Path("sets")
    answer: Json = {
        "coco": {
            name: dict(told(case, folder / f"coco/{name.replace('/', '-')}", coco_data_set))
            for name, case in COCO_CASES.items()
        },
        "voc": {
            name: dict(told(case, folder / f"voc/{name.replace('/', '-')}", voc_data_set))
            for name, case in VOC_CASES.items()
        },
        "heads": {
            f"{classes} classes, {name} assigner": dict(attempt(lambda c=classes, e=epoch: with_classes(c, e)))
            for classes in (CLASSES + 2, CLASSES, CLASSES - 1, CLASSES - 2)
            for name, epoch in (("static", STATIC), ("task-aligned", DYNAMIC))
        },
        "category-names-differ": dict(of_two_files(folder / "names")),
        "pycocotools": {
            name: dict(
                attempt(lambda n=name: of_pycocotools(COCO_CASES[n], folder / f"pycocotools/{n.replace('/', '-')}"))
            )
            for name in ("annotation-id-duplicate", "image-unknown", *OF_FILES)
        },
        "text of image": dict(attempt(lambda: text_of_image(folder / "text of image"))),
        "number of image": dict(attempt(lambda: number_of_image(folder / "number of image"))),
        "splits": of_splits(folder / "splits"),
        "ImageFolder": of_image_folder(folder / "ImageFolder"),
    }
    print()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
