"""One store of images for all tests; what it builds is removed at the end, the stand-ins for base images are kept."""

import shutil
import zipfile
from collections.abc import Iterator

import pytest

from image_tests.buildah import Build, Store
from image_tests.readme import LIST, PADDLE, PADDLE_MOUNTED, YOLO, YOLO_MOUNTED
from image_tests.stand_ins import BASES, IMAGES, store
from tests.conftest import run_patchkit, wheel

EPOCH = 1_700_000_000
INSTALL = "apt-get update && apt-get install --no-install-recommends debootstrap buildah"


@pytest.fixture(scope="session")
def images() -> Iterator[Store]:
    missing = [name for name in ("debootstrap", "buildah") if shutil.which(name) is None]
    if missing:
        pytest.exit(f"{' and '.join(missing)} not found, install them as root: {INSTALL}", returncode=2)
    made = store()
    kept = (*BASES, *IMAGES)
    made.clean(*kept)  # layers of a run that was interrupted
    yield made
    made.clean(*kept)


@pytest.fixture(scope="session")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The README's patchkit.toml, and the lock that `patchkit lock` writes for ultralytics 8.2.50 on this machine."""
    folder = tmp_path_factory.mktemp("listed")
    with zipfile.ZipFile(wheel("ultralytics==8.2.50")) as archive:
        archive.extractall(folder / "site")
    (folder / "patchkit.toml").write_text(LIST)
    done = run_patchkit("lock", "--site-packages", folder / "site", cwd=folder)
    assert done.code == 0, done.err
    return {name: (folder / name).read_text() for name in ("patchkit.toml", "patchkit.lock")}


@pytest.fixture(scope="session")
def yolo(images: Store, listed: dict[str, str]) -> Build:
    return images.built(YOLO, "localhost/yolo:latest", "--layers", epoch=EPOCH, files=listed)


@pytest.fixture(scope="session")
def yolo_mounted(images: Store) -> Build:
    return images.built(YOLO_MOUNTED, "localhost/yolo-mounted:latest", "--layers", epoch=EPOCH)


@pytest.fixture(scope="session")
def paddle(images: Store) -> Build:
    return images.built(PADDLE, "localhost/paddle:latest", "--layers", epoch=EPOCH)


@pytest.fixture(scope="session")
def paddle_mounted(images: Store) -> Build:
    return images.built(PADDLE_MOUNTED, "localhost/paddle-mounted:latest", "--layers", epoch=EPOCH)
