"""Image builds with buildah: as root, without an engine or BuildKit, all of it below one folder."""

import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Build:
    """What one `buildah bud` gave."""

    code: int
    log: str  # stdout and stderr
    tag: str
    seconds: float


@dataclass(frozen=True)
class Layer:
    """A layer of an image with the Dockerfile instruction that made it."""

    made_by: str
    digest: str  # of the uncompressed tar: diff_id
    blob: Path

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Size and content of each entry that is no folder, by its path."""
        found: dict[str, tuple[int, bytes]] = {}
        with tarfile.open(self.blob) as archive:
            for member in archive:
                if not member.isdir():
                    content = archive.extractfile(member) if member.isreg() else None
                    found[member.name] = (member.size, content.read() if content else b"")
        return found


def storage_driver(folder: Path) -> str:
    """The faster storage driver that works in this folder."""
    overlay = ("--storage-driver", "overlay", "--root", folder / "overlay", "--runroot", folder / "run-overlay")
    command = ["buildah", *map(str, overlay), "info"]
    return "overlay" if subprocess.run(command, capture_output=True, check=False).returncode == 0 else "vfs"


@dataclass(frozen=True)
class Store:
    """A place of images; `folder` holds everything that buildah writes."""

    folder: Path
    wheels: Path  # what the index of the stand-in images holds
    driver: str  # of storage: overlay, or vfs, which works everywhere and copies every layer in full

    def buildah(self, *words: str | Path, check: bool = True) -> "subprocess.CompletedProcess[str]":
        place = ("--root", self.folder / self.driver, "--runroot", self.folder / f"run-{self.driver}")
        command = ["buildah", "--storage-driver", self.driver, *place, *words]
        env = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
        # The large files of a build stay in the folder too.
        env["TMPDIR"] = str(self.folder / "tmp")
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, env=env)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done

    def build(
        self,
        dockerfile: str,
        tag: str,
        *options: str | Path,
        epoch: int | None = None,
        files: Mapping[str, str] | None = None,
        context: Path | None = None,
    ) -> Build:
        """Builds a Dockerfile with these files beside it; the format is Docker's, the one with HEALTHCHECK."""
        place = context or self.folder / "context"
        if context is None:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
        for name, text in (files or {}).items():
            (place / name).write_text(text)
        recipe = self.folder / "Dockerfile"
        recipe.write_text(dockerfile)
        dated = () if epoch is None else ("--build-arg", f"SOURCE_DATE_EPOCH={epoch}", "--timestamp", str(epoch))
        started = time.monotonic()
        done = self.buildah(
            *("bud", "--isolation", "chroot", "--format", "docker", "--pull-never"),
            *("--volume", f"{self.wheels}:/wheels:ro", *dated, *options),
            *("--file", recipe, "--tag", tag, place),
            check=False,
        )
        return Build(done.returncode, done.stdout + done.stderr, tag, time.monotonic() - started)

    def built(self, dockerfile: str, tag: str, *options: str | Path, **more: Any) -> Build:
        """As `build`; fails unless the image is there."""
        build = self.build(dockerfile, tag, *options, **more)
        assert build.code == 0, build.log[-5000:]
        return build

    def config(self, tag: str) -> dict[str, Any]:
        """The configuration of an image, as Docker reads it."""
        loaded: dict[str, Any] = json.loads(self.buildah("inspect", "--type", "image", tag).stdout)["Docker"]
        return loaded

    def digests(self, tag: str) -> list[str]:
        digests: list[str] = self.config(tag)["rootfs"]["diff_ids"]
        return digests

    def layers(self, tag: str) -> list[Layer]:
        """Every layer of an image, first to last."""
        folder = self.folder / "pushed"
        shutil.rmtree(folder, ignore_errors=True)
        self.buildah("push", "--quiet", tag, f"dir:{folder}")
        manifest = json.loads((folder / "manifest.json").read_text())
        blobs = [folder / layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]
        made = [step["created_by"] for step in self.config(tag)["history"] if not step.get("empty_layer")]
        return [Layer(*parts) for parts in zip(made, self.digests(tag), blobs, strict=True)]

    def has(self, tag: str) -> bool:
        return self.buildah("inspect", "--type", "image", tag, check=False).returncode == 0

    @contextmanager
    def container(self, tag: str) -> Iterator[str]:
        """A container of an image, as long as it is used."""
        name = self.buildah("from", "--pull-never", tag).stdout.strip()
        try:
            yield name
        finally:
            self.buildah("rm", name)

    def run_in(
        self, container: str, command: str, *, user: str | None = None, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Runs a shell command in a container, as the image's user."""
        who = ("--user", user) if user else ()
        return self.buildah(
            "run", "--isolation", "chroot", *who, container, "--", "/bin/sh", "-c", command, check=check
        )

    def run(self, tag: str, command: str, *, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Runs a shell command in a new container of an image, as the image's user."""
        with self.container(tag) as container:
            return self.run_in(container, command, check=check)

    def run_read_only(self, container: str, command: str) -> "subprocess.CompletedProcess[str]":
        """Runs a shell command as user 1000, with the file system of a container mounted read-only as its root."""
        root = self.buildah("mount", container).stdout.strip()
        steps = (
            'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"'
            ' && exec chroot --userspec=1000:1000 "$1" /usr/bin/env -i PATH="$2" HOME=/home/trainer /bin/sh -c "$3"'
        )
        path = next(
            entry.removeprefix("PATH=")
            for entry in self.config(self.image_of(container))["config"]["Env"]
            if entry.startswith("PATH=")
        )
        words = ["unshare", "--mount", "/bin/sh", "-c", steps, "sh", root, path, command]
        try:
            return subprocess.run(words, capture_output=True, text=True, check=False)
        finally:
            self.buildah("umount", container)

    def image_of(self, container: str) -> str:
        image: str = json.loads(self.buildah("inspect", "--type", "container", container).stdout)["FromImageID"]
        return image

    def clean(self, *kept: str) -> None:
        """Removes every container, every image without one of these names, and what a build left behind."""
        self.buildah("rm", "--all")
        for image in json.loads(self.buildah("images", "--json", "--all").stdout or "[]"):
            if not set(image["names"] or ()) & set(kept):
                self.buildah("rmi", "--force", image["id"], check=False)
        for name in ("context", "pushed", "tmp", "Dockerfile"):
            left = self.folder / name
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
