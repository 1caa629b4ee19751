"""The training images of the README, built word for word from stand-ins of their base images.

What is not real here: there is no BuildKit on such a machine, so buildah reads the Dockerfiles, and ignores their line
`# syntax=`; no engine runs a HEALTHCHECK, so the tests run its command; the base images are stand-ins (stand_ins.py).
"""

import re

import pytest

from image_tests.buildah import Build, Layer, Store
from image_tests.conftest import EPOCH
from image_tests.readme import DOCKERFILES, LIST, PADDLE, PADDLE_MOUNTED, YOLO, YOLO_MOUNTED
from image_tests.stand_ins import PYTORCH, PYTORCH_IMAGE, TORCH_IMAGE, add_torch

SITE = "opt/conda/lib/python3.11/site-packages"
PADDLE_SITE = "usr/local/lib/python3.11/dist-packages"
INSTALL = "RUN pip install --no-cache-dir ultralytics==8.2.50\n"
LOSS = f"{SITE}/ultralytics/utils/loss.py"


def layer_of(store: Store, build: Build, command: str) -> Layer:
    (found,) = [layer for layer in store.layers(build.tag) if command in layer.made_by]
    return found


def health(store: Store, build: Build) -> str:
    """The command of HEALTHCHECK, as the image says it."""
    kind, command = store.config(build.tag)["config"]["Healthcheck"]["Test"]
    assert kind == "CMD-SHELL"
    text: str = command
    return text


def show(capsys: pytest.CaptureFixture[str], *lines: object) -> None:
    """Figures that a run of these tests is asked for."""
    with capsys.disabled():
        print("", *lines, sep="\n  ", end="")


def with_last_run(dockerfile: str, line: str) -> str:
    """The Dockerfile with one more line before its USER."""
    assert dockerfile.count("USER trainer\n") == 1
    return dockerfile.replace("USER trainer\n", f"{line}\nUSER trainer\n")


def cached(dockerfile: str) -> tuple[str, ...]:
    """The option that takes layers of earlier builds. buildah 1.28 mounts nothing from a stage that it took so."""
    return () if "--mount" in dockerfile else ("--layers",)


@pytest.mark.parametrize("dockerfile", [YOLO, YOLO_MOUNTED, PADDLE, PADDLE_MOUNTED])
def test_verify_is_the_last_run_and_the_user_is_not_root(dockerfile: str) -> None:
    last = dockerfile.rpartition("\nRUN ")[2]
    assert re.search(r"/opt/patchkit/bin/patchkit verify --python \S+ -v python\)\"\n\Z", last)
    assert dockerfile.index("\nUSER trainer\n") < dockerfile.rindex("\nRUN ")
    assert all("ONBUILD" not in block for block in DOCKERFILES)


def test_two_builds_with_one_epoch_have_the_same_layers(
    images: Store, yolo: Build, listed: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    again = images.built(YOLO, "localhost/yolo-again:latest", "--layers", "--no-cache", epoch=EPOCH, files=listed)
    first, second = images.digests(yolo.tag), images.digests(again.tag)
    layers = images.layers(yolo.tag)
    show(
        capsys,
        f"YOLOv10 image, two builds in {yolo.seconds:.0f} s and {again.seconds:.0f} s, layers:",
        *(f"{layer.digest}  {layer.made_by.removeprefix('/bin/sh -c ')[:70]}" for layer in layers),
    )
    assert first == second


def test_the_mounted_form_is_reproducible_too(images: Store, yolo_mounted: Build, paddle_mounted: Build) -> None:
    for dockerfile, build in ((YOLO_MOUNTED, yolo_mounted), (PADDLE_MOUNTED, paddle_mounted)):
        again = images.built(dockerfile, f"{build.tag.partition(':')[0]}:again", "--layers", "--no-cache", epoch=EPOCH)
        assert images.digests(again.tag) == images.digests(build.tag)


@pytest.mark.parametrize(
    ("name", "command", "site", "patched", "info"),
    [
        ("yolo", "patchkit sync", SITE, ["ultralytics/utils/loss.py"], "ultralytics-8.2.50.dist-info"),
        ("yolo_mounted", "patchkit apply", SITE, ["ultralytics/utils/loss.py"], "ultralytics-8.2.50.dist-info"),
        (
            *("paddle_mounted", "patchkit apply", PADDLE_SITE),
            [
                "ppdet/modeling/heads/fcosr_head.py",
                "ppdet/modeling/heads/ppyoloe_head.py",
                "ppdet/modeling/heads/ppyoloe_r_head.py",
                "ppdet/modeling/heads/tood_head.py",
                "ppdet/modeling/heads/yolo_head.py",
                "ppdet/slim/distill_loss.py",
            ],
            "paddledet-2.6.0.dist-info",
        ),
    ],
)
def test_the_layer_of_apply_holds_the_changed_files_and_the_state_folder(
    name: str,
    command: str,
    site: str,
    patched: list[str],
    info: str,
    images: Store,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    layer = layer_of(images, request.getfixturevalue(name), command)
    files = layer.files()
    show(
        capsys,
        f"{name}, layer of `{command}`: {sum(size for size, _ in files.values())} bytes in {len(files)} files,",
        f"{layer.blob.stat().st_size} bytes compressed",
        *(f"{size:>8} {path}" for path, (size, _) in files.items()),
    )
    state = {path for path in files if path.startswith(f"{site}/.patchkit/")}
    bytecode = {re.sub(r"([^/]+)\.py$", r"__pycache__/\1.cpython-311.pyc", path) for path in patched}
    changed = {f"{site}/{path}" for path in {*patched, *bytecode, f"{info}/RECORD", f"{info}/patchkit.json"}}
    assert files.keys() - state == changed
    assert state


def test_the_final_user_is_not_root_and_reads_what_was_patched(images: Store, yolo: Build, paddle: Build) -> None:
    for build, site, file in (
        (yolo, SITE, "ultralytics/utils/loss.py"),
        (paddle, PADDLE_SITE, "ppdet/modeling/heads/ppyoloe_head.py"),
    ):
        assert images.run(build.tag, "id -u").stdout == "1000\n"
        assert images.run(build.tag, f"head -c 1 /{site}/{file} && test ! -w /{site}/{file}").returncode == 0


def test_the_final_user_imports_the_patched_module_with_a_real_torch(images: Store, listed: dict[str, str]) -> None:
    add_torch(images)
    images.buildah("tag", TORCH_IMAGE, PYTORCH)
    try:
        build = images.built(YOLO, "localhost/yolo-torch:latest", files=listed)
    finally:
        images.buildah("tag", PYTORCH_IMAGE, PYTORCH)
    script = (
        "import os, torch\nfrom ultralytics.utils import loss\n"
        "class Head:\n    use_dfl, proj = True, torch.arange(16.0)\n"
        "boxes = loss.v8DetectionLoss.bbox_decode(Head(), torch.zeros(2, 1), torch.zeros(1, 2, 64))\n"
        "print(os.getuid(), boxes.tolist(), 'matmul' in loss.v8DetectionLoss.bbox_decode.__code__.co_names)"
    )
    done = images.run(build.tag, f'python -c "{script}"', check=False)
    assert done.stdout.splitlines()[-1:] == ["1000 [[[-7.5, -7.5, 7.5, 7.5], [-7.5, -7.5, 7.5, 7.5]]] False"], done
    images.buildah("rmi", "--force", build.tag)


@pytest.mark.parametrize("name", ["yolo_mounted", "paddle_mounted"])
def test_the_mounted_form_leaves_no_patchkit(name: str, images: Store, request: pytest.FixtureRequest) -> None:
    build = request.getfixturevalue(name)
    left = images.run(build.tag, "find / -xdev -name '*patchkit*' -not -path '/proc/*' 2>/dev/null; true").stdout
    site = SITE if name == "yolo_mounted" else PADDLE_SITE
    info = "ultralytics-8.2.50" if name == "yolo_mounted" else "paddledet-2.6.0"
    # The receipt of what was changed is the image's; of the mount, its empty place is all that may be left.
    assert set(left.split()) - {"/opt/patchkit"} == {f"/{site}/.patchkit", f"/{site}/{info}.dist-info/patchkit.json"}
    assert images.run(build.tag, "ls -A /opt/patchkit 2>/dev/null; true").stdout == ""


@pytest.mark.parametrize("name", ["yolo", "paddle"])
def test_the_health_check_is_0_until_the_file_is_edited(
    name: str, images: Store, request: pytest.FixtureRequest
) -> None:
    build = request.getfixturevalue(name)
    file = f"/{LOSS}" if name == "yolo" else f"/{PADDLE_SITE}/ppdet/modeling/heads/ppyoloe_head.py"
    with images.container(build.tag) as container:
        assert images.run_in(container, health(images, build), check=False).returncode == 0
        images.run_in(container, f"echo '# edited' >> {file}", user="root")
        done = images.run_in(container, health(images, build), check=False)
    assert done.returncode == 1
    assert "FAILED" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["yolo", "paddle"])
def test_verify_fast_passes_on_a_read_only_file_system(
    name: str, images: Store, request: pytest.FixtureRequest
) -> None:
    """The root of a container, remounted read-only in a mount namespace, where the command runs as the final user."""
    build = request.getfixturevalue(name)
    with images.container(build.tag) as container:
        done = images.run_read_only(container, f"touch /home/trainer/x; echo $?; {health(images, build)}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == "1"  # nothing could be written


def test_a_forgotten_copy_fails_the_build(images: Store, listed: dict[str, str]) -> None:
    forgotten = YOLO.replace("COPY patchkit.toml patchkit.lock /opt/\n", "")
    assert forgotten != YOLO
    build = images.build(forgotten, "localhost/refused:latest", "--layers", epoch=EPOCH)
    assert build.code != 0
    assert "patchkit.toml" in build.log
    no_lock = YOLO.replace(" patchkit.lock /opt/", " /opt/")
    build = images.build(no_lock, "localhost/refused:latest", "--layers", epoch=EPOCH, files=listed)
    assert build.code != 0
    assert "patchkit.lock" in build.log


def test_a_lock_that_does_not_fit_fails_the_build(images: Store, listed: dict[str, str]) -> None:
    other = {**listed, "patchkit.toml": LIST + 'version = "1.0.0"\n'}
    build = images.build(YOLO, "localhost/refused:latest", "--layers", epoch=EPOCH, files=other)
    assert build.code != 0
    assert "patchkit.lock" in build.log


@pytest.mark.parametrize("dockerfile", [YOLO, YOLO_MOUNTED], ids=["sync", "apply"])
def test_code_in_another_form_fails_the_build(dockerfile: str, images: Store, listed: dict[str, str]) -> None:
    drift = f"RUN sed -i 's/4, c \\/\\/ 4).softmax(3)/4, -1).softmax(-1)/' /{LOSS}\n"
    build = images.build(
        dockerfile.replace(INSTALL, INSTALL + drift),
        "localhost/refused:latest",
        *cached(dockerfile),
        epoch=EPOCH,
        files=listed,
    )
    assert build.code != 0
    assert "ultralytics/utils/loss.py" in build.log


@pytest.mark.parametrize("dockerfile", [YOLO, YOLO_MOUNTED], ids=["sync", "apply"])
def test_another_release_fails_the_build(dockerfile: str, images: Store, listed: dict[str, str]) -> None:
    """One in which the code to be mended does not exist."""
    other = dockerfile.replace("ultralytics==8.2.50", "--no-deps ultralytics==0.0.44")
    build = images.build(other, "localhost/refused:latest", *cached(dockerfile), epoch=EPOCH, files=listed)
    assert build.code != 0
    assert "ultralytics 0.0.44" in build.log


@pytest.mark.parametrize("dockerfile", [YOLO, YOLO_MOUNTED, PADDLE], ids=["sync", "apply", "paddle"])
def test_a_later_reinstall_fails_the_build(dockerfile: str, images: Store, listed: dict[str, str]) -> None:
    package = "paddledet==2.6.0" if dockerfile == PADDLE else "ultralytics==8.2.50"
    line = f"RUN pip install --no-cache-dir --no-deps --force-reinstall {package}"
    build = images.build(
        with_last_run(dockerfile, line), "localhost/refused:latest", *cached(dockerfile), epoch=EPOCH, files=listed
    )
    assert build.code != 0
    assert " lost" in build.log
