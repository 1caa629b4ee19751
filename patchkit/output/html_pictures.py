"""Small drawings of bad boxes on their images."""

import base64
import io
import math
import stat
import struct
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from patchkit.findings import Region
from patchkit.output.html_markup import Markup, tag

SIDE = 240  # pixels of a picture
LIMIT = 200_000  # bytes of an image that is embedded as it is
PIXELS = 100_000_000  # larger images are not decoded
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")  # EPS would start a program
AROUND = 0.4  # of a side: what is shown beyond the edge of an image
SMALL = 7.0  # a box below it gets a ring
MARGIN = 6.0
ARROW = 34.0  # room for one
LARGEST = 1e9  # of a number of a box; beyond it nothing can be drawn
Attributes = dict[str, str | float | None]
JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


class Image(NamedTuple):
    """An image as the page has it. Empty: it could not be read."""

    uri: str = ""
    width: float = 4.0  # only their ratio matters
    height: float = 3.0


def opener(pillow: bool | None = None) -> Callable[[str], Image]:
    """Reads images by path, each once. With Pillow they become small; None: if it can be imported."""
    if pillow is None:
        from importlib.util import find_spec

        pillow = find_spec("PIL") is not None
    return cache(_thumbnail if pillow else _raw)


def can_be_drawn(region: Region | None) -> bool:
    return region is not None and all(math.isfinite(side) and abs(side) < LARGEST for side in region.box)


def drawn(region: Region, read: Callable[[str], Image]) -> Markup:
    """The box on its image as SVG; what reaches out of the image is seen in a margin."""
    image = read(region.image) if region.image else Image()
    scale = SIDE / max(image.width, image.height)
    width, height = max(image.width * scale, 1.0), max(image.height * scale, 1.0)
    x, y, box_width, box_height = region.box
    left, right = sorted(((x - box_width / 2) * width, (x + box_width / 2) * width))
    top, bottom = sorted(((y - box_height / 2) * height, (y + box_height / 2) * height))
    # What the picture shows: the image, and the box as far as it is near.
    x0, x1 = _reach(left, right, width)
    y0, y1 = _reach(top, bottom, height)
    frame: Attributes = {"x": 0, "y": 0, "width": _short(width), "height": _short(height)}
    parts = [tag("rect", class_="frame" if image.uri else "frame empty", **frame)]
    if image.uri:
        parts.append(tag("image", href=image.uri, preserveAspectRatio="none", **frame))
    if right < x0 or left > x1 or bottom < y0 or top > y1:
        parts.append(
            _arrow((x0 + MARGIN, x1 - MARGIN), (y0 + MARGIN, y1 - MARGIN), (left + right) / 2, (top + bottom) / 2)
        )
    else:
        parts += _outlined((max(left, x0 - 9), max(top, y0 - 9), min(right, x1 + 9), min(bottom, y1 + 9)))
    label = f"box: centre {x:.4g}, {y:.4g}, size {box_width:.4g} by {box_height:.4g} of the image"
    state = "" if image.uri else "; the image is not shown"
    view = " ".join(map(_short, (x0, y0, x1 - x0, y1 - y0)))
    return tag("svg", *parts, class_="shot", viewBox=view, role="img", aria_label=label + state)


def _reach(low: float, high: float, side: float) -> tuple[float, float]:
    """The part of an axis that is shown. A box that begins further away is told by an arrow."""
    near = side * AROUND
    start, end = -MARGIN, side + MARGIN
    if low < 0:
        start = -ARROW if high < -near else max(low - MARGIN, -near)
    if high > side:
        end = side + (ARROW if low > side + near else min(high - side + MARGIN, near))
    return min(start, -MARGIN), max(end, side + MARGIN)


def _outlined(box: tuple[float, float, float, float]) -> list[Markup]:
    left, top, right, bottom = box
    sides = {"x": left, "y": top, "width": max(right - left, 0.01), "height": max(bottom - top, 0.01)}
    written: Attributes = {key: _short(side) for key, side in sides.items()}
    lines = [tag("rect", class_=name, **written) for name in ("halo", "box")]
    if max(right - left, bottom - top) < SMALL:
        centre: Attributes = {"cx": _short((left + right) / 2), "cy": _short((top + bottom) / 2), "r": SMALL + 4}
        lines += [tag("circle", class_=name, **centre) for name in ("halo", "ring")]
    return lines


def _arrow(across: tuple[float, float], down: tuple[float, float], x: float, y: float) -> Markup:
    """Points from the edge of the picture to a box that is far away."""
    tip_x, tip_y = min(max(x, across[0]), across[1]), min(max(y, down[0]), down[1])
    angle = math.degrees(math.atan2(y - sum(down) / 2, x - sum(across) / 2))
    turn = f"translate({_short(tip_x)} {_short(tip_y)}) rotate({_short(angle)})"
    return tag("path", class_="arrow", d="M0 0L-22 -11L-16 0L-22 11Z", transform=turn)


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _is_file(path: str) -> bool:
    """Whether it is an ordinary file: a pipe would keep the page waiting."""
    return stat.S_ISREG(Path(path).stat().st_mode)


def _thumbnail(path: str) -> Image:
    """A small JPEG of an image, turned as its EXIF says."""
    try:
        from PIL import Image as Pillow
        from PIL import ImageOps

        if not _is_file(path):
            return Image()
        with warnings.catch_warnings(), Pillow.open(path, formats=FORMATS) as opened:
            warnings.simplefilter("ignore")
            width, height = opened.size
            if width * height > PIXELS:
                return Image("", width, height)
            opened.draft("RGB", (2 * SIDE, 2 * SIDE))
            small = ImageOps.exif_transpose(opened)
            small.thumbnail((SIDE, SIDE))
            written = io.BytesIO()
            small.convert("RGB").save(written, "JPEG", quality=78, optimize=True)
            # The size before it was rounded to whole pixels of the small one.
            turned = (small.width > small.height) != (width > height)
            return Image(_uri("jpeg", written.getvalue()), *((height, width) if turned else (width, height)))
    except Exception:  # Pillow raises what it likes; the page is told without this image
        return Image()


def _raw(path: str) -> Image:
    """An image file as it is, if browsers know it and it is small."""
    try:
        if not _is_file(path):
            return Image()
        with Path(path).open("rb") as file:
            data = file.read(LIMIT + 1)
        kind, width, height = measured(data)
    except (OSError, ValueError, struct.error, IndexError):
        return Image()
    if not width or not height:
        return Image()
    return Image(_uri(kind, data) if len(data) <= LIMIT else "", width, height)


def measured(data: bytes) -> tuple[str, int, int]:
    """Kind, width and height of a JPEG, PNG, GIF or WebP.

    Raises   ValueError, IndexError, struct.error if it is none or not whole.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return ("png", *struct.unpack_from(">II", data, 16))
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return ("gif", *struct.unpack_from("<HH", data, 6))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ("webp", *_webp(data))
    if data.startswith(b"\xff\xd8"):
        place = 2
        while True:
            while data[place + 1] == 0xFF:  # fill bytes
                place += 1
            if data[place] != 0xFF:
                raise ValueError("no marker")
            if data[place + 1] in JPEG_FRAMES:
                height, width = struct.unpack_from(">HH", data, place + 5)
                return "jpeg", width, height
            place += 2 + max(int.from_bytes(data[place + 2 : place + 4], "big"), 2)
    raise ValueError("no image that browsers know")


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
