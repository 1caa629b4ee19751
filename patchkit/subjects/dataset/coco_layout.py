"""Where COCO files and their images are: `annotations/*.json` as COCO has it, and `train/labels/*.json` of OpenImages.

Source   MLCommons training@aa344c7f retired_benchmarks/retinanet/ssd/coco_utils.py, get_openimages: ROOT/train and
         ROOT/validation, each with data/ and labels/openimages-mlperf.json.
"""

from pathlib import Path

SPLITS = ("train", "validation", "valid", "val", "test")  # folders of OpenImages
LABELS = "labels"


def coco_files(folder: Path) -> list[Path]:
    """The files of a folder that may be COCO."""
    of_splits = [file for name in SPLITS for file in _labels(folder / name)]
    return sorted(folder.glob("annotations/*.json")) or of_splits or _labels(folder) or sorted(folder.glob("*.json"))


def _labels(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{LABELS}/*.json"))


def split_words(file: Path) -> tuple[str, ...]:
    """What may tell the split of a file, the best first: its folder of OpenImages, its name."""
    above = file.absolute().parent.parent.name
    return (above, file.stem) if _folder(file) == LABELS and above in SPLITS else (file.stem,)


def image_folder(file: Path) -> str:
    """Where the images of a COCO file are, if they are in a place that is usual."""
    name = file.stem.rpartition("_")[2]
    above = file.parent.parent if file.parent.name else Path("..")
    root = above if _folder(file) in ("annotations", LABELS) else file.parent
    for folder in (root / name, root / "images" / name, root / "images", root / "data"):
        if folder.is_dir():
            return str(folder)
    return ""


def _folder(file: Path) -> str:
    return file.absolute().parent.name
