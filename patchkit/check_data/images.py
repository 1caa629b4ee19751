"""The images themselves: whether they can be decoded, and whether two splits hold the same ones."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

from patchkit.check_data.looked import Looked
from patchkit.errors import TargetRefused
from patchkit.subjects.dataset.dataset import REFUSED, Unreadable

PART = 200
# What one of the releases of ultralytics takes (ultralytics/data/utils.py, IMG_FORMATS); 8.4 knows the most.
LEAST_SIDE = 10
TAKEN = {
    *("avif", "bmp", "dng", "heic", "heif", "jp2", "jpeg", "jpeg2000", "jpg", "mpo", "pfm", "png", "tif", "tiff"),
    "webp",
}


@dataclass(frozen=True)
class ImagePart:
    """Some images."""

    split: str
    images: Sequence[str]


def image_parts(split: str, images: Sequence[str]) -> Iterator[ImagePart]:
    for first in range(0, len(images), PART):
        yield ImagePart(split, images[first : first + PART])


def require_pillow() -> None:
    """Raises   TargetRefused without it."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise TargetRefused("--images: Pillow is not installed", "pip install 'patchkit-cv[data]'") from error


def look_at_images(part: ImagePart) -> Iterator[Looked]:
    """Decode images to their end."""
    looked = Looked(part.split, len(part.images))
    for path in part.images:
        reason, variant = _fault(path)
        if reason:
            looked.unreadable.append(Unreadable(path, reason, is_image=True, variant=variant))
    yield looked


def _fault(path: str) -> tuple[str, str]:
    """Why an image cannot be decoded, or is left out though it can be; with the variant of the fault."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.load()
    except UnidentifiedImageError:
        return "it is no image of a kind that Pillow knows", ""
    except Exception as error:  # whatever a decoder makes of damaged bytes: SyntaxError, struct.error, OSError...
        return str(error).replace(path, "the file") or type(error).__name__, ""
    width, height = image.size
    if min(width, height) < LEAST_SIDE:
        return f"{width} x {height} pixels: one of fewer than {LEAST_SIDE} in a direction is left out", REFUSED
    if str(image.format).lower() not in TAKEN:
        return f"of the format {image.format}, whatever it is called", REFUSED
    return "", ""


def shared_paths(images: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str, str]]:
    """Images that several splits name, by links too: path and split of the first, then of the other."""
    owners: dict[str, tuple[str, str]] = {}
    shared = []
    real = cache(os.path.realpath)
    for split, paths in images.items():
        for path in paths:
            folder, mark, name = path.rpartition("/")
            place = real(path) if os.path.islink(path) else f"{real(folder or mark)}/{name}"
            first, owner = owners.setdefault(place, (path, split))
            if owner != split:
                shared.append((first, owner, path, split))
    return shared


def shared_bytes(images: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str, str]]:
    """The same, for images of different paths whose bytes are the same. Only files of one size are read."""
    sizes: dict[int, list[tuple[str, str]]] = {}
    for split, paths in images.items():
        for path in paths:
            try:
                sizes.setdefault(os.path.getsize(path), []).append((path, split))
            except OSError:
                continue
    shared = []
    for files in sizes.values():
        if len({split for _, split in files}) < 2:
            continue
        first: dict[bytes, tuple[str, str]] = {}
        for path, split in files:
            digest = _digest(path)
            owner = first.setdefault(digest, (path, split)) if digest else (path, split)
            if owner[1] != split and owner[0] != path:
                shared.append((*owner, path, split))
    return sorted(shared)


def _digest(path: str) -> bytes:
    total = blake2b(digest_size=16)
    try:
        with open(path, "rb") as file:
            while data := file.read(1 << 20):
                total.update(data)
    except OSError:
        return b""
    return total.digest()
