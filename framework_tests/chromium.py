"""Chromium of the system, which opens pages without a profile and without a network."""

import base64
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from PIL import Image

UNPAINTED = 200  # pixels: on a busy machine the picture may come before the lowest 75 of a window are painted


def found_chromium() -> str:
    def found() -> str | None:
        return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

    if not found() and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["update", "-qq"], ["install", "-y", "-qq", "chromium"]):
            env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(["apt-get", *command], check=False, capture_output=True, env=env)
    path = found()
    if not path:
        pytest.fail("there is no Chromium: apt-get install chromium", pytrace=False)
    return path


def browse(chromium: str, url: str, *options: str, width: int = 1280, height: int = 1600) -> tuple[str, str]:
    """What Chromium writes, and what it logs. It has no profile and no network of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            [
                *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                *("--enable-logging=stderr", f"--user-data-dir={profile}", f"--window-size={width},{height}"),
                *("--virtual-time-budget=3000", *options, url),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def screenshot(chromium: str, url: str, *options: str, width: int = 1280, height: int = 1600) -> Image.Image:
    """The upper part of a page as it is painted, width by height pixels of RGB."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "picture.png")
        browse(chromium, url, *options, f"--screenshot={picture}", width=width, height=height + UNPAINTED)
        with Image.open(picture) as opened:
            assert opened.size == (width, height + UNPAINTED)
            return opened.convert("RGB").crop((0, 0, width, height))


def with_driver(page: str, driver: str) -> str:
    """The page with one more script, which may run as its hash is allowed. What `answer` gets is read back."""
    script = (
        '"use strict";const later = (ms) => new Promise((done) => setTimeout(done, ms));'
        f"(async () => {{ {driver} }})().catch((e) => ({{error: String(e)}})).then((answer) => {{"
        'document.documentElement.setAttribute("data-answer", JSON.stringify(answer)); });'
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = page.replace("script-src '", f"script-src 'sha256-{digest}' '", 1)
    return page.replace("</body>", f"<script>{script}</script></body>")
