"""Images of streets with labels, and a data set of them in which every kind of defect was planted.

`python -m framework_tests.streets PICTURE` writes the picture of the README: the report on that data set.
"""

import html
import json
import random
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

from framework_tests.chromium import browse, found_chromium, screenshot, with_driver
from tests.conftest import run_patchkit

Box = tuple[float, float, float, float]  # centre x, centre y, width, height, in parts of the image
CLASSES = (
    *("car", "pedestrian", "traffic-light", "traffic-sign", "truck", "bicycle", "bus", "motorcycle", "rider"),
    *("traffic-cone", "barrier", "van", "trailer", "stroller", "scooter", "dog", "tram", "wheelchair", "deer"),
    "ambulance",
)
IMAGES = {"train": 640, "val": 80, "test": 80}


def street(path: Path, seed: int) -> list[Box]:
    """Draw an image that looks a little like a street; gives the boxes of its vehicles, in parts of the image."""
    draw_with = random.Random(seed)
    width, height = draw_with.choice([(1280, 720), (960, 720), (720, 960)])
    night = draw_with.random() < 0.3
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    horizon = int(height * draw_with.uniform(0.42, 0.55))
    for y in range(horizon):
        part = y / horizon
        sky = (
            (20 + 25 * part, 24 + 30 * part, 48 + 40 * part)
            if night
            else (128 + 80 * part, 172 + 50 * part, 216 + 24 * part)
        )
        draw.line((0, y, width, y), tuple(map(int, sky)))
    x = 0
    while x < width:
        step = draw_with.randint(50, 170)
        shade = draw_with.randint(30, 60) if night else draw_with.randint(110, 175)
        top = horizon - draw_with.randint(30, int(height * 0.35))
        draw.rectangle((x, top, x + step, horizon), (shade, shade - 8, shade - 14))
        for wx in range(x + 10, x + step - 16, 22):
            for wy in range(top + 12, horizon - 14, 26):
                lit = draw_with.random() < 0.35
                draw.rectangle(
                    (wx, wy, wx + 10, wy + 13),
                    (236, 208, 140) if lit and night else (shade - 28, shade - 22, shade - 12),
                )
        x += step
    ground = (44, 46, 50) if night else (96, 98, 102)
    draw.rectangle((0, horizon, width, height), ground)
    middle = width // 2
    for part in range(8):
        near, far = (part + 0.15) / 8, (part + 0.6) / 8
        y0, y1 = horizon + (height - horizon) * near**1.6, horizon + (height - horizon) * far**1.6
        draw.polygon(
            [
                (middle - 2 - 8 * near, y0),
                (middle + 2 + 8 * near, y0),
                (middle + 2 + 8 * far, y1),
                (middle - 2 - 8 * far, y1),
            ],
            (222, 220, 210),
        )
    vehicles = []
    for _ in range(draw_with.randint(4, 8)):
        near = draw_with.random() ** 1.3
        size = width * (0.04 + 0.16 * near)
        cx, base = draw_with.uniform(0.05, 0.95) * width, horizon + (height - horizon) * (0.08 + 0.7 * near)
        colour = draw_with.choice(
            [(178, 40, 38), (38, 74, 140), (214, 214, 216), (28, 30, 34), (196, 160, 60), (70, 110, 86)]
        )
        vehicles.append((cx / width, (base - size * 0.255) / height, size / width, size * 0.69 / height))
        draw.ellipse((cx - size * 0.55, base - 0.04 * size, cx + size * 0.55, base + 0.1 * size), (30, 31, 34))
        draw.rounded_rectangle((cx - size / 2, base - size * 0.36, cx + size / 2, base), size * 0.07, colour)
        draw.polygon(
            [
                (cx - size * 0.33, base - size * 0.34),
                (cx - size * 0.24, base - size * 0.6),
                (cx + size * 0.24, base - size * 0.6),
                (cx + size * 0.33, base - size * 0.34),
            ],
            tuple(int(c * 0.55) + 40 for c in colour),
        )
        for wheel in (-0.3, 0.3):
            draw.ellipse(
                (
                    cx + wheel * size - size * 0.09,
                    base - size * 0.09,
                    cx + wheel * size + size * 0.09,
                    base + size * 0.09,
                ),
                (16, 16, 18),
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=85)
    return vehicles


def write_set(folder: Path) -> Path:
    """A data set of YOLO with some defects of every kind that people make; gives its data.yaml."""
    draw_with = random.Random(7)
    data = folder / "data.yaml"
    for split, count in IMAGES.items():
        (folder / "labels" / split).mkdir(parents=True)
        for number in range(count):
            stem = f"{draw_with.choice(('berlin', 'munich', 'aachen', 'ulm'))}_{number:06}"
            boxes = street(folder / "images" / split / f"{stem}.jpg", draw_with.randrange(1 << 30))
            if draw_with.random() < 0.985:
                rows = [row for box in boxes for row in _rows(box, draw_with)]
                (folder / "labels" / split / f"{stem}.txt").write_text("".join(rows))
    twice = sorted((folder / "images/train").iterdir())[:3]
    for image in twice:
        (folder / "images/val" / image.name).symlink_to(image.resolve())
        label = folder / "labels/train" / f"{image.stem}.txt"
        (folder / "labels/val" / label.name).write_bytes(label.read_bytes())
    names = "".join(f"  {index}: {name}\n" for index, name in enumerate(CLASSES))
    data.write_text(f"path: .\ntrain: images/train\nval: images/val\ntest: images/test\nnc: 20\nnames:\n{names}")
    return data


def _rows(box: Box, draw_with: random.Random) -> list[str]:
    """The row of a vehicle, as it should be or as people write it when they slip."""
    classes = range(len(CLASSES) - 1)  # no ambulance came by
    label = draw_with.choices(classes, [1 / (index + 1) ** 1.3 for index in classes])[0]
    x, y, width, height = box
    left, top, right, bottom = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    is_outside = min(left, top) < -0.005 or max(right, bottom) > 1.005
    if not is_outside or draw_with.random() < 0.6:
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, 1), min(bottom, 1)
    x, y, width, height = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    row = f"{label} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n"
    slips = {
        f"20 {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n": 5,  # counted from 1
        f"{label} {x * 1280:.0f} {y * 720:.0f} {width * 1280:.0f} {height * 720:.0f}\n": 3,
        f"{label} {x:.6f} {y:.6f} 0 {height:.6f}\n": 6,
        f"{label} {x:.6f} {y:.6f} 0.0006 0.002\n": 8,
        f"{label} nan {y:.6f} {width:.6f} {height:.6f}\n": 1,
        f"{label}.5 {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n": 1,
        row + row: 12,
        row: 2000,
    }
    return draw_with.choices(list(slips), list(slips.values()))


def take_picture(target: Path) -> None:
    """What `check-data --format html` shows of a data set: its head, and one rule as the filters show it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = write_set(folder / "street-2024").relative_to(folder)  # a path as a user has it
        done = run_patchkit(
            "check-data", data, "--format", "html", "--for", "ultralytics", "--for", "yolov10", cwd=folder
        )
        assert done.code == 1, done.err
        page = done.out
        driver = """
            await later(300);
            const top = (found) => document.querySelector(found).getBoundingClientRect().top + scrollY;
            return [top("#splits"), top("#findings"), top("#findings ~ .rule:not([hidden]) .rows")].map(Math.round);
        """
        file = folder / "report.html"
        file.write_text(with_driver(page, driver), encoding="utf-8")
        browser, url = found_chromium(), f"{file.as_uri()}#rule=edge-outside"
        dom, _ = browse(browser, url, "--dump-dom", height=5000)
        answer = re.search('data-answer="([^"]*)"', dom)
        assert answer
        splits, findings, rows = json.loads(html.unescape(answer[1]))
        whole = screenshot(browser, url, height=5000)
        head, below = whole.crop((0, 0, 1280, splits - 20)), whole.crop((0, findings - 20, 1280, rows - 4))
        both = Image.new("RGB", (1280, head.height + below.height + 1), (208, 213, 221))
        both.paste(head, (0, 0))
        both.paste(below, (0, head.height + 1))
        both.quantize(160, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    take_picture(Path(sys.argv[1]))
