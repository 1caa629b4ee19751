"""Where COCO files and their images are: `annotations/*.json` as COCO has it, and `train/labels/*.json` of OpenImages.

Source   MLCommons training@aa344c7f retired_benchmarks/retinanet/ssd/coco_utils.py, get_openimages: ROOT/train and
         ROOT/validation, each with data/ and labels/openimages-mlperf.json.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Sequence
from pathlib import Path

from patchkit.subjects.dataset.json_stream import PIECE

SPLITS = ("train", "validation", "valid", "val", "test")  # folders of OpenImages
LABELS, IMAGES = "labels", "data"
FEW = 3  # files of a split, where they have other names than MLCommons gives them
_OF_BOXES = re.compile(r"instances_.*|(train|val|valid|validation)(\d{4})?")  # names of files that should have some
_POINTER = b"version https://git-lfs.github.com/spec/"
_TWINS = ("person_keypoints", "stuff")  # beside instances, in annotations of COCO
_CAPTION, _BOX = b'"caption"', b'"bbox"'
_SEEN = 4096  # bytes of the begin and the end of a file


def coco_files(folder: Path) -> list[Path]:
    """The files of a folder that may be COCO."""
    of_splits = [file for name in SPLITS for file in _labels(folder / name)]
    return _jsons(folder / "annotations") or of_splits or _labels(folder) or _jsons(folder)


def _jsons(folder: Path) -> list[Path]:
    """Without `._name.json`, in which macOS keeps what it knows of a file."""
    return sorted(file for file in folder.glob("*.json") if not file.name.startswith("."))


def _labels(folder: Path) -> list[Path]:
    """The files of a split of OpenImages. Its images may not be there yet; other tools have a json for each image."""
    files = _jsons(folder / LABELS)
    named = [file for file in files if file.name.startswith("openimages")]
    return files if not named and len(files) <= FEW and (folder / IMAGES).is_dir() else named


def should_have_boxes(file: Path) -> bool:
    """True for what is named like a file of boxes, or is none of the other files of COCO, which are JSON.

    Raises   OSError.
    """
    with file.open("rb") as opened:
        head = opened.read(_SEEN).removeprefix(BOM_UTF8).strip()
        opened.seek(max(opened.seek(0, 2) - _SEEN, 0))
        tail = opened.read().strip()
    if (head[:1], tail[-1:]) not in ((b"{", b"}"), (b"[", b"]")):
        return True
    is_of_captions = any(_CAPTION in text for text in (head, tail))
    return not is_of_captions and _OF_BOXES.fullmatch(file.stem.lower()) is not None


def has_boxes(path: str) -> bool:
    """False for captions, sizes of images, and whatever else has no box.

    Raises   OSError.
    """
    rest = b""
    with open(path, "rb") as file:
        while data := file.read(PIECE):
            if _BOX in rest + data:
                return True
            rest = data[-len(_BOX) :]
    return False


def beside_instances(file: Path, files: Sequence[Path]) -> str:
    """Why a file of COCO is not looked at beside others: it has the images of one of them, or boxes of segments."""
    kind, _, rest = file.stem.rpartition("_")
    if kind == "panoptic":
        return f"{file} has segments and no boxes of objects"
    twin = file.with_name(f"instances_{rest}{file.suffix}")
    return f"{file} has the images of {twin.name}, and was not named alone" if kind in _TWINS and twin in files else ""


def what_instead(path: str) -> str:
    """What a file is that is no JSON, where that can be told; empty for others."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(_SEEN)
    except OSError:
        return ""
    if head.startswith(_POINTER):
        return "it is a pointer of git-lfs: run 'git lfs pull' to fetch the file"
    if not head.strip():
        return "it is empty"
    is_wide = head.startswith((b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{"))
    return "it is UTF-16, and readers of JSON take UTF-8: write it as that" if is_wide else ""


def split_words(file: Path) -> tuple[str, ...]:
    """What may tell the split of a file, the best first: its folder of OpenImages, its name."""
    above = file.absolute().parent.parent.name
    return (above, file.stem) if _folder(file) == LABELS and above in SPLITS else (file.stem,)


def image_folder(file: Path) -> str:
    """Where the images of a COCO file are, if they are in a place that is usual."""
    name = file.stem.rpartition("_")[2]
    above = file.parent.parent if file.parent.name else Path("..")
    root = above if _folder(file) in ("annotations", LABELS) else file.parent
    for folder in (root / name, root / "images" / name, root / IMAGES / name, root / "images", root / IMAGES):
        if folder.is_dir():
            return str(folder)
    return ""


def _folder(file: Path) -> str:
    return file.absolute().parent.name
