"""`check-data` on dataset ymls in the shapes that PaddleDetection ships, from the command line."""

import json
from pathlib import Path

import pytest

from tests.data_sets import IMAGE, write
from tests.support import Patchkit

COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}],
    "categories": [{"id": 1, "name": "cat"}],
}
VOC = (
    "<annotation><size><width>100</width><height>50</height></size>\n"
    "<object><name>cat</name><bndbox><xmin>10</xmin><ymin>10</ymin><xmax>50</xmax><ymax>20</ymax></bndbox></object>\n"
    "</annotation>\n"
)
DETECTION = """\
metric: COCO
num_classes: 1

TrainDataset:
  !COCODataSet
    image_dir: train
    anno_path: annotations/train.json
    dataset_dir: dataset/cats
    data_fields: ['image', 'gt_bbox', 'gt_class', 'is_crowd']

EvalDataset:
  !COCODataSet
    image_dir: val
    anno_path: annotations/val.json
    dataset_dir: dataset/cats
    allow_empty: true

TestDataset:
  !ImageFolder
    anno_path: annotations/val.json # also support txt (like VOC's label_list.txt)
    dataset_dir: dataset/cats # if set, anno_path will be 'dataset_dir/anno_path'
"""
PASCAL = """\
metric: VOC
map_type: 11point
num_classes: 1

TrainDataset:
  name: VOCDataSet
  dataset_dir: dataset/voc
  anno_path: trainval.txt
  label_list: label_list.txt
  data_fields: ['image', 'gt_bbox', 'gt_class', 'difficult']

TestDataset:
  name: ImageFolder
  anno_path: dataset/voc/label_list.txt
"""
OWN = "_BASE_: ['../datasets/cats.yml']\nepoch: 3\n"


def repository(root: Path, **others: str) -> Path:
    """A tree as that of PaddleDetection with two data sets."""
    return write(
        root,
        {
            "configs/datasets/cats.yml": DETECTION,
            "configs/datasets/voc.yml": PASCAL,
            "configs/ppyoloe/own.yml": OWN,
            "dataset/cats/annotations/train.json": json.dumps(COCO),
            "dataset/cats/annotations/val.json": json.dumps(
                {**COCO, "annotations": [{**COCO["annotations"][0], "bbox": [11, 11, 20, 20]}]}
            ),
            "dataset/cats/train/a.jpg": IMAGE,
            "dataset/cats/val/a.jpg": IMAGE,
            "dataset/voc/trainval.txt": "a.jpg a.xml\n",
            "dataset/voc/label_list.txt": "cat\n",
            "dataset/voc/a.jpg": IMAGE,
            "dataset/voc/a.xml": VOC,
            **others,
        },
    )


@pytest.mark.parametrize("name", ["configs/datasets/cats.yml", "configs/datasets/voc.yml", "configs/ppyoloe/own.yml"])
def test_a_stock_yml_of_sound_data_is_clean_and_its_image_folder_is_passed_over(
    name: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    root = repository(tmp_path)
    answer = patchkit("check-data", root / name, "--least", "0", "--format", "json")
    assert (answer.code, answer.json["findings"]) == (0, []), answer.out
    (skipped,) = answer.json["skipped"]
    source = root / "configs/datasets" / ("voc.yml" if "voc" in name else "cats.yml")
    line = 14 if "voc" in name else 20
    assert skipped["reason"] == (
        f"{source}:{line}: the test data set was not checked: "
        "an ImageFolder has no labels: its anno_path only names the classes"
    )


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("!COCODataSet {image_dir: val, dataset_dir: dataset/cats}", "it has no anno_path"),
        ("!COCODataSet {anno_path: no.json}", "there is no file"),
        ("!ImageFolder {use_default_label: true}", "an ImageFolder has no labels"),
        ("!ImageFolder {dataset_dir: [a]}", "which is no path"),
    ],
)
def test_what_only_inference_reads_is_no_finding(section: str, reason: str, patchkit: Patchkit, tmp_path: Path) -> None:
    text = DETECTION.partition("TestDataset")[0] + f"TestDataset: {section}\n"
    root = repository(tmp_path, **{"configs/datasets/cats.yml": text})
    answer = patchkit("check-data", root / "configs/datasets/cats.yml", "--least", "0", "--format", "json")
    assert (answer.code, answer.json["findings"]) == (0, []), answer.out
    assert reason in answer.json["skipped"][0]["reason"]


def test_a_class_of_paddledetection_that_is_not_read_here_is_no_finding(patchkit: Patchkit, tmp_path: Path) -> None:
    text = DETECTION.replace("!COCODataSet\n    image_dir: val", "!WIDERFaceDataSet\n    image_dir: val")
    root = repository(tmp_path, **{"configs/datasets/cats.yml": text})
    answer = patchkit("check-data", root / "configs/ppyoloe/own.yml", "--least", "0")
    assert answer.code == 0, answer.out
    assert (
        f"{root}/configs/datasets/cats.yml:11: the val data set was not checked: WIDERFaceDataSet"
        in answer.out + answer.err
    )


def test_findings_are_told_in_the_file_and_line_where_the_value_stands(patchkit: Patchkit, tmp_path: Path) -> None:
    text = DETECTION.replace("val.json\n    dataset_dir", "vla.json\n    dataset_dir").replace(
        "classes: 1", "classes: 2"
    )
    root = repository(tmp_path, **{"configs/datasets/cats.yml": text})
    answer = patchkit("check-data", root / "configs/ppyoloe/own.yml", "--least", "0", "--format", "json")
    assert answer.code == 1
    places = {
        one["rule"]: (Path(one["location"]["path"]).name, one["location"]["line"]) for one in answer.json["findings"]
    }
    assert places["path-unreadable"] == ("cats.yml", 14)
    counts = patchkit("check-data", root / "configs/ppyoloe/own.yml", "--nc", "1", "--format", "json").json
    (differs,) = (one for one in counts["findings"] if one["rule"] == "class-count-differs")
    assert (Path(differs["location"]["path"]).name, differs["location"]["line"]) == ("cats.yml", 2)


def test_a_label_list_that_is_not_there_is_told(patchkit: Patchkit, tmp_path: Path) -> None:
    root = repository(tmp_path)
    (root / "dataset/voc/label_list.txt").unlink()
    answer = patchkit("check-data", root / "configs/datasets/voc.yml", "--least", "0", "--format", "json")
    (found,) = answer.json["findings"]
    assert (found["rule"], found["location"]["line"]) == ("path-unreadable", 9)
    assert "label_list.txt" in found["message"]
    assert [fate["outcome"] for fate in found["fates"]][:1] == ["crash"]


def test_a_yml_of_which_nothing_can_be_read_says_where_and_what_to_do(patchkit: Patchkit, tmp_path: Path) -> None:
    root = repository(tmp_path)
    (root / "dataset/voc/trainval.txt").unlink()
    answer = patchkit("check-data", root / "configs/datasets/voc.yml")
    assert answer.code == 2
    assert f"configs/datasets/voc.yml:8: there is no file {root}/dataset/voc/trainval.txt" in answer.err
    assert "hint:" in answer.err
