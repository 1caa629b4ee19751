"""Where COCO files and their images are: `annotations/*.json` as COCO has it, and `train/labels/*.json` of OpenImages.

Source   MLCommons training@aa344c7f retired_benchmarks/retinanet/ssd/coco_utils.py, get_openimages: ROOT/train and
         ROOT/validation, each with data/ and labels/openimages-mlperf.json.
"""

import re
from pathlib import Path

SPLITS = ("train", "validation", "valid", "val", "test")  # folders of OpenImages
LABELS, IMAGES = "labels", "data"
_OF_BOXES = re.compile(r"instances_.*|(train|val|valid|validation)(\d{4})?")  # names of files that should have some
_POINTER = b"version https://git-lfs.github.com/spec/"
_SEEN = 4096  # bytes of the begin and the end of a file


def coco_files(folder: Path) -> list[Path]:
    """The files of a folder that may be COCO."""
    of_splits = [file for name in SPLITS for file in _labels(folder / name)]
    return sorted(folder.glob("annotations/*.json")) or of_splits or _labels(folder) or sorted(folder.glob("*.json"))


def _labels(folder: Path) -> list[Path]:
    """The files of a split of OpenImages. Its images may not be there yet; other tools have a json for each image."""
    files = sorted(folder.glob(f"{LABELS}/*.json"))
    return files if (folder / IMAGES).is_dir() else [file for file in files if file.name.startswith("openimages")]


def should_have_boxes(file: Path) -> bool:
    """True for what is named like a file of boxes, or is none of the other files of COCO, which are JSON.

    Raises   OSError.
    """
    return _OF_BOXES.fullmatch(file.stem.lower()) is not None or not _is_json(file)


def _is_json(file: Path) -> bool:
    """By its ends."""
    with file.open("rb") as opened:
        first = opened.read(_SEEN).lstrip()[:1]
        opened.seek(max(opened.seek(0, 2) - _SEEN, 0))
        return (first, opened.read().rstrip()[-1:]) in ((b"{", b"}"), (b"[", b"]"))


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
    for folder in (root / name, root / "images" / name, root / "images", root / IMAGES):
        if folder.is_dir():
            return str(folder)
    return ""


def _folder(file: Path) -> str:
    return file.absolute().parent.name
