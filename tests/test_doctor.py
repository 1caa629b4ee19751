"""`doctor` on real environments, as pip and uv make them: what it finds, and that its commands cure it."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from patchkit.doctor.run import PACKAGE
from patchkit.patching.target import find_target
from patchkit.rule import load_rules
from patchkit.subjects.environment.environment import Environment as Looked
from patchkit.subjects.environment.versions import satisfies
from tests.conftest import LOSS, REPOSITORY, Answer, Environment, checked, snapshot, wheel
from tests.stand_in_wheels import CUBLAS, LINUX, paddle, stand_in, torch, torchvision
from tests.support import NEWEST, PATCH, RELEASE, TWIN, Build, Patchkit, assert_refused, is_patched

BIN = Path(sys.executable).parent
DRIVER = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Thu May 11 11:46:56 UTC 2023\nGCC version: gcc 12\n"
PINS = [f"nvidia-cublas-cu12==12.1.3.1; {LINUX}", f"nvidia-cudnn-cu12==8.9.2.26; {LINUX}", "filelock"]
HARMLESS = {"patch-not-applied"}


@pytest.fixture(autouse=True)
def no_caches_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the caches of the machine, and on its library path, is none of the tests' business."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("CONDA_PKGS_DIRS", "")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)


def rules(answer: Answer) -> set[str]:
    """The rules that found more than a patch to apply."""
    return {finding["rule"] for finding in answer.json["findings"]} - HARMLESS


def look(patchkit: Patchkit, place: Environment | Path, *options: str | Path, **settings: Any) -> Answer:
    target = ("--python", place.python) if isinstance(place, Environment) else ("--site-packages", place)
    return patchkit("doctor", *target, "--format", "json", *options, **settings)


def only(answer: Answer, rule: str) -> dict[str, Any]:
    """The one finding that matters."""
    assert rules(answer) == {rule}, answer.out
    (found,) = (finding for finding in answer.json["findings"] if finding["rule"] == rule)
    assert answer.code == (0 if found["severity"] == "note" else 1)
    return dict(found)


def cure(command: str, *wheels: Path) -> None:
    """Run a command as a user types it, where the packages come from a folder."""
    folders = {str(path.parent) for path in wheels}
    settings = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": " ".join(folders),
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": " ".join(folders),
    }
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, env={**os.environ, **settings}
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@pytest.fixture
def uv(tmp_path: Path) -> Callable[..., Environment]:
    """Environments that uv makes with hardlinks into one cache."""

    def build(name: str, *wheels: Path) -> Environment:
        env = Environment(tmp_path / name)
        checked([sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, env.folder])
        install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--link-mode", "hardlink", "--no-deps"]
        checked([*install, "--python", env.python, *wheels])
        return env

    return build


def machine(folder: Path, driver: str) -> Path:
    """The root of a file system with a driver."""
    place = folder / "proc/driver/nvidia/version"
    place.parent.mkdir(parents=True)
    place.write_text(DRIVER.format(driver))
    return folder


def sound(folder: Path) -> list[Path]:
    """Wheels that go together."""
    return [
        torch(folder, requires=PINS),
        stand_in(folder, "nvidia-cublas-cu12", "12.1.3.1", CUBLAS),
        stand_in(folder, "nvidia-cudnn-cu12", "8.9.2.26", {"nvidia/cudnn/lib/libcudnn.so.8": "cudnn\n"}),
        torchvision(folder, "0.16.0", "+cu121", ["torch (==2.1.0)"]),
        stand_in(folder, "numpy", "1.26.4", {"numpy/__init__.py": ""}),
        stand_in(folder, "opencv-python", "4.10.0.84", {"cv2/__init__.py": ""}),
    ]


# --- environments in which nothing is wrong --------------------------------------------------------------------------


def test_a_sound_environment_of_pip_has_no_findings(environment: Build, patchkit: Patchkit, tmp_path: Path) -> None:
    env = environment(RELEASE)
    env.pip("install", "--no-deps", *sound(tmp_path / "wheels"))
    assert patchkit("apply", PATCH, "--python", env.python).code == 0
    before = snapshot(env.folder)

    answer = look(patchkit, env, "--root", machine(tmp_path / "machine", "535.104.05"))

    assert (answer.code, rules(answer)) == (0, set())
    assert snapshot(env.folder) == before, "doctor only reads"
    there = answer.json["environment"]
    assert there["torch"] == {
        "distribution": "torch", "version": "2.1.0+cu121", "build": "CUDA 12.1", "cuda": "12.1",
        "commit": "5c4886908584", "debug": False,
    }  # fmt: skip
    assert (there["driver"], there["torchvision"]["cuda"], there["paddle"]) == ("535.104.05", "12.1", None)
    assert there["ultralytics"]["origin"] == "release"
    assert there["packages"] == {"numpy": "1.26.4", "opencv-python": "4.10.0.84"}
    assert there["patches"] == [{"patch": PATCH, "version": "1.0.0", "state": "applied"}]
    assert there["python"]["prefix"] == str(env.folder)


def test_a_sound_environment_of_uv_has_no_findings(
    uv: Callable[..., Environment], patchkit: Patchkit, tmp_path: Path
) -> None:
    env = uv("env", wheel(RELEASE), *sound(tmp_path / "wheels"))
    answer = look(patchkit, env)
    assert (answer.code, rules(answer)) == (0, set())


def test_a_sound_folder_of_packages_has_no_findings(
    unpacked: Callable[[str], Path], patchkit: Patchkit, tmp_path: Path
) -> None:
    folder = unpacked(RELEASE)
    for path in sound(tmp_path / "wheels"):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    answer = look(patchkit, folder)
    assert (answer.code, rules(answer)) == (0, set())
    commands = [finding["commands"] for finding in answer.json["findings"]]
    assert [f"patchkit apply {PATCH} --site-packages {folder}"] in commands


def test_the_environment_of_patchkit_itself_is_the_default(patchkit: Patchkit) -> None:
    answer = patchkit("doctor", "--format", "json")
    assert (answer.code, rules(answer)) == (0, set())
    assert answer.json["environment"]["python"] == {
        "version": f"{sys.version_info[0]}.{sys.version_info[1]}", "prefix": sys.prefix
    }  # fmt: skip


@pytest.mark.parametrize("path", ["active", "another", "none"])
def test_pip_is_named_alone_only_where_the_shell_finds_that_of_the_environment(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment of patchkit itself need not be activated."""
    own, other = tmp_path / "own/bin/python", tmp_path / "other/pip"
    for pip in (own.with_name("pip"), other):
        pip.parent.mkdir(parents=True)
        pip.touch(0o755)
    monkeypatch.setenv("PATH", str({"active": own, "another": other, "none": tmp_path / "none/pip"}[path].parent))
    command = Looked(find_target(None, None, fast=True), own, is_own=True).commands.install("numpy")
    assert command == ("pip install numpy" if path == "active" else f"{own} -m pip install numpy")


@pytest.mark.parametrize(
    ("local", "build"), [("", None), ("+cpu", "CPU"), ("+cu118", "CUDA 11.8"), ("+rocm6.2", "ROCm")]
)
def test_a_torchvision_that_does_not_name_its_build_is_not_said_to_be_for_the_cpu(
    local: str, build: str | None, environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env = environment()
    env.pip("install", "--no-deps", torchvision(tmp_path, "0.16.0", local))
    assert look(patchkit, env).json["environment"]["torchvision"]["build"] == (build or "unknown")
    line = next(
        line for line in patchkit("doctor", "--python", env.python).out.splitlines() if line.startswith("torchvision")
    )
    assert line.split(maxsplit=1)[1] == f"0.16.0{local}, {build or 'its build is not known'}"


def test_builds_for_the_cpu_and_for_rocm_need_no_wheels_and_no_driver(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env = environment()
    env.pip("install", "--no-deps", torch(tmp_path, cuda="None"), paddle(tmp_path, "paddlepaddle", "3.0.0"))
    answer = look(patchkit, env)
    assert (answer.code, rules(answer), answer.json["skipped"]) == (0, set(), [])
    assert answer.json["environment"]["paddle"]["build"] == "CPU"
    file = env.site / "torch/version.py"
    file.write_text(file.read_text().replace("hip: Optional[str] = None", "hip: Optional[str] = '6.2.4'"))
    answer = look(patchkit, env, "--root", machine(tmp_path / "machine", "535.104.05"), "--ignore", "record-differs")
    assert {finding["message"].split()[0] for finding in answer.json["findings"]} == {"paddlepaddle"}
    assert answer.json["environment"]["torch"]["build"] == "ROCm"


# --- what is wrong with the wheels -----------------------------------------------------------------------------------


def test_a_wheel_that_torch_does_not_pin_is_told_and_the_command_brings_the_right_one(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env, wheels = environment(), sound(tmp_path / "wheels")
    env.pip("install", "--no-deps", *wheels)
    env.pip("install", "--no-deps", stand_in(tmp_path / "later", "nvidia-cublas-cu12", "12.4.5.8", CUBLAS))

    found = only(look(patchkit, env), "nvidia-wheel-differs")

    assert "nvidia-cublas-cu12 12.4.5.8 (asked for: ==12.1.3.1)" in found["message"]
    assert "cudnn" not in found["message"]
    metadata = env.info("torch") / "METADATA"
    assert found["location"] == {"path": str(metadata), "line": 4, "column": 1}
    assert f"Requires-Dist: {PINS[0]}" in found["evidence"]
    cure(found["commands"][0], *wheels)
    assert rules(look(patchkit, env)) == set()


def test_a_wheel_that_is_missing_is_told_unless_it_is_for_another_platform(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env = environment()
    pins = [
        f"nvidia-nccl-cu12==2.19.3; {LINUX}",
        'nvidia-curand-cu12==10.3; platform_system == "Plan 9"',
        "nvidia-x==]",
        "nvidia-y==1; platform_systen == 'Linux'",
    ]
    env.pip("install", "--no-deps", torch(tmp_path, requires=pins))
    found = only(look(patchkit, env), "nvidia-wheel-differs")
    assert "nvidia-nccl-cu12 is not installed (asked for: ==2.19.3)" in found["message"]
    (env.info("torch") / "INSTALLER").write_text("conda\n")
    assert rules(look(patchkit, env)) == set(), "the libraries of conda are no wheels"
    (env.info("torch") / "INSTALLER").write_text("pip\n")
    assert "curand" not in found["message"]


def test_pins_that_a_collection_of_wheels_names_are_followed(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    """torch 2.10 and later ask for cuda-toolkit[cublas,...]."""
    env = environment()
    here = "sys_platform == 'linux' and platform_machine != 'vax'"
    nested = [
        f"nvidia-cublas==13.1.1.3.*; ({here}) and extra == 'cublas'",
        f"nvidia-nvjitlink<14,>=13.0.88; ({here}) and extra == 'cufft'",
        f"nvidia-npp==13.0.1.2.*; ({here}) and extra == 'npp'",
    ]
    wheels = [
        torch(tmp_path, "2.14.1", "'13.0'", [f"cuda-toolkit[cublas,cufft]==13.0.3; {LINUX}"]),
        stand_in(tmp_path, "cuda-toolkit", "13.0.3.0", requires=nested),
        stand_in(tmp_path, "nvidia-cublas", "13.1.1.3"),
        stand_in(tmp_path, "nvidia-nvjitlink", "13.5.37"),
    ]
    env.pip("install", "--no-deps", *wheels)
    assert rules(look(patchkit, env)) == set()
    env.pip("install", "--no-deps", stand_in(tmp_path / "later", "nvidia-cublas", "13.2.0.9"))
    found = only(look(patchkit, env), "nvidia-wheel-differs")
    assert "nvidia-cublas 13.2.0.9 (asked for: ==13.1.1.3.*)" in found["message"]
    assert "npp" not in found["message"]
    cure(found["commands"][0], *wheels)
    assert rules(look(patchkit, env)) == set()


def test_torchvision_of_another_torch_is_told(environment: Build, patchkit: Patchkit, tmp_path: Path) -> None:
    env = environment()
    vision = torchvision(tmp_path, "0.16.0", "+cu121", ["torch (==2.1.0)", "gdown ; extra == 'gdown'"])
    env.pip("install", "--no-deps", torch(tmp_path, "2.2.0"), vision)
    found = only(look(patchkit, env), "torchvision-for-another-torch")
    assert "asks for torch==2.1.0, and torch 2.2.0 is installed" in found["message"]
    right = torchvision(tmp_path / "right", "0.17.0", "+cu121", ["torch (==2.2.0)"])
    cure(found["commands"][0], right, torch(tmp_path / "right", "2.2.0"))
    assert rules(look(patchkit, env)) == set()


@pytest.mark.parametrize(
    ("version", "range", "answer"),
    [
        ("2.1.0+cu121", "==2.1.0", True),
        ("2.1", "==2.1.0", True),
        ("2.1.0", "==2.1.*", True),
        ("2.10", "==2.1.*", False),
        ("2.1.0", "!=2.1.*", False),
        ("2.1.0", ">=2,<3,!=2.0.5", True),
        ("3.0", ">2,<=2.9", False),
        ("2.1.0a0+29c30b1", ">=2.1", False),
        ("2.1.3", "~=2.1.0", True),
        ("2.1.0+cu118", "==2.1.0+cu121", False),
        ("2.1.0", "", True),
        ("of today", ">=1", None),
        ("1.0", ">=one", None),
    ],
)
def test_ranges_are_those_of_pep_440(version: str, range: str, answer: bool | None) -> None:
    assert satisfies(version, range) is answer


# --- what is wrong with the machine ----------------------------------------------------------------------------------


def toolkit(folder: Path, version: str, *, names: tuple[str, ...] = ("libcublas", "libcublasLt")) -> Path:
    """Libraries as the packages of NVIDIA lay them out: the name that is loaded is a link to the full one."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.so.{version}").write_text(f"{name} {version}\n")
        (folder / f"{name}.so.12").symlink_to(f"{name}.so.{version}")
    return folder


@pytest.fixture
def cuda(environment: Build, tmp_path: Path) -> Environment:
    env = environment()
    env.pip("install", "--no-deps", *sound(tmp_path / "wheels"))
    return env


def test_a_library_that_comes_before_that_of_the_wheel_is_told(
    cuda: Environment, patchkit: Patchkit, tmp_path: Path
) -> None:
    system, other = toolkit(tmp_path / "cuda/lib64", "12.2.5.6"), tmp_path / "other"
    settings = {"LD_LIBRARY_PATH": f"{other}:{system}"}
    found = only(look(patchkit, cuda, env=settings), "cuda-library-shadowed")
    assert "libcublasLt.so.12 12.2.5.6 before that of nvidia-cublas-cu12 12.1.3.1" in found["message"]
    assert str(system / "libcublas.so.12.2.5.6") in found["evidence"]
    assert found["commands"] == [f"export LD_LIBRARY_PATH={other}"]
    alone = look(patchkit, cuda, env={"LD_LIBRARY_PATH": str(system)})
    assert only(alone, "cuda-library-shadowed")["commands"] == ["unset LD_LIBRARY_PATH"]


def test_libraries_that_change_nothing_are_not_told(cuda: Environment, patchkit: Patchkit, tmp_path: Path) -> None:
    own = cuda.site / "nvidia/cublas/lib"
    same, other = toolkit(tmp_path / "same", "12.1.3.1"), toolkit(tmp_path / "other", "12.2.5.6")
    for path in (f"{own}:{other}", str(same), str(tmp_path / "absent"), f"{same}:{other}"):
        answer = look(patchkit, cuda, env={"LD_LIBRARY_PATH": path})
        assert (rules(answer), answer.code) == (set(), 0), path


def test_a_library_of_unknown_release_is_no_guess(cuda: Environment, patchkit: Patchkit, tmp_path: Path) -> None:
    for name, text in {"libcublas": "c" * len("cublas\n"), "libcublasLt": "longer than that of the wheel"}.items():
        (tmp_path / f"{name}.so.12").write_text(text)
    answer = look(patchkit, cuda, env={"LD_LIBRARY_PATH": str(tmp_path)})
    assert "libcublasLt.so.12 of another size" in only(answer, "cuda-library-shadowed")["message"]
    assert any("nothing says which release" in skipped["reason"] for skipped in answer.json["skipped"])


def test_a_driver_that_is_too_old_is_told_with_a_build_that_it_runs(
    cuda: Environment, patchkit: Patchkit, tmp_path: Path
) -> None:
    root = machine(tmp_path / "machine", "470.199.02")
    found = only(look(patchkit, cuda, "--root", root), "driver-too-old")
    assert "driver 470.199.02 is too old for torch 2.1.0+cu121: CUDA 12.1 needs 525.60.13" in found["message"]
    assert str(root / "proc/driver/nvidia/version") in found["evidence"]
    assert found["commands"][0].endswith(
        " --index-url https://download.pytorch.org/whl/cu118 torch==2.1.0+cu118 'torchvision==0.16.*'"
    )
    assert found["location"]["line"] == 6, "the line that names the CUDA release"
    older = tmp_path / "older"
    pair = [torch(older, "2.1.0", "'11.8'", named=True), torchvision(older, "0.16.0", "+cu118", ["torch (==2.1.0)"])]
    cure(found["commands"][0], *pair)
    answer = look(patchkit, cuda, "--root", root)
    assert (rules(answer), answer.json["environment"]["torchvision"]["cuda"]) == (set(), "11.8")


@pytest.mark.parametrize(
    ("version", "driver", "tag", "older"),
    [
        ("2.14.1", "535.104.05", "cu128", "2.9"),
        ("2.14.1", "470.199.02", "cu118", "2.7"),
        ("2.9.1", "470.199.02", "cu118", "2.7"),
    ],
)
def test_where_no_build_of_the_same_torch_is_known_to_do_an_older_torch_is_named(
    version: str, driver: str, tag: str, older: str, environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env, root = environment(), machine(tmp_path / "machine", driver)
    env.pip("install", "--no-deps", torch(tmp_path, version, "'13.0'"))
    first, other = only(look(patchkit, env, "--root", root), "driver-too-old")["commands"]
    assert first.endswith(f"--index-url https://download.pytorch.org/whl/{tag} 'torch=={older}.*'")
    assert "previous-versions" in patchkit(*other.split()[1:]).out
    cure(first, torch(tmp_path / "older", f"{older}.1", f"'{tag[2:-1]}.{tag[-1]}'", named=True))
    assert rules(look(patchkit, env, "--root", root)) == set()


@pytest.mark.parametrize(("version", "driver"), [("1.13.1", "440.33"), ("2.9.1", "440.33")])
def test_where_no_build_is_known_to_do_there_is_an_explanation(
    version: str, driver: str, environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env, root = environment(), machine(tmp_path / "machine", driver)
    env.pip("install", "--no-deps", torch(tmp_path, version, "'12.8'"))
    found = only(look(patchkit, env, "--root", root), "driver-too-old")
    assert found["commands"] == ["patchkit explain driver-too-old"]


def test_a_build_for_the_cpu_beside_a_driver_is_told_and_cured_with_its_torchvision(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env, root, right = environment(), machine(tmp_path / "machine", "535.104.05"), tmp_path / "right"
    vision = torchvision(tmp_path, "0.17.2", "+cpu", ["torch (==2.2.2)"])
    env.pip("install", "--no-deps", torch(tmp_path, "2.2.2", "None"), vision)
    found = only(look(patchkit, env, "--root", root), "cpu-build-beside-driver")
    cure(found["commands"][0], torch(right, "2.2.2"), torchvision(right, "0.17.2", "+cu121", ["torch (==2.2.2)"]))
    answer = look(patchkit, env, "--root", root)
    assert (rules(answer), answer.json["environment"]["torchvision"]["cuda"]) == (set(), "12.1")


def test_a_paddle_for_the_cpu_stays_where_the_index_has_no_other(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env, root = environment(), machine(tmp_path / "machine", "535.104.05")
    env.pip("install", "--no-deps", paddle(tmp_path, "paddlepaddle", "3.0.0"))
    (command,) = only(look(patchkit, env, "--root", root), "cpu-build-beside-driver")["commands"]
    with pytest.raises(AssertionError, match="No matching distribution"):
        cure(command, paddle(tmp_path / "old", "paddlepaddle-gpu", "2.6.2", "11.8"))
    assert env.info("paddlepaddle").is_dir()
    cure(command, paddle(tmp_path / "right", "paddlepaddle-gpu", "3.0.0", "11.8"))
    answer = look(patchkit, env, "--root", root)
    assert (rules(answer), answer.json["environment"]["paddle"]["cuda"]) == (set(), "11.8")


def test_a_compatibility_package_may_make_an_older_driver_do(
    cuda: Environment, patchkit: Patchkit, tmp_path: Path
) -> None:
    root = machine(tmp_path / "machine", "470.199.02")
    compat = root / "usr/local/cuda/compat"
    compat.mkdir(parents=True)
    (compat / "libcuda.so.1").touch()
    (root / "usr/local/cuda/version.json").write_text('{"cuda": {"version": "12.2.20230823"}}')
    answer = look(patchkit, cuda, "--root", root)
    assert (rules(answer), answer.code) == (set(), 0)
    assert any("may make driver 470.199.02 do" in skipped["reason"] for skipped in answer.json["skipped"])
    assert answer.json["environment"]["cuda_toolkit"] == "12.2.20230823"


def test_a_machine_that_does_not_say_its_driver_is_told_so(
    cuda: Environment, patchkit: Patchkit, tmp_path: Path
) -> None:
    (tmp_path / "bare").mkdir()
    answer = look(patchkit, cuda, "--root", tmp_path / "bare")
    assert (answer.code, rules(answer)) == (0, set())
    assert "driver-too-old" in [skipped["rule"] for skipped in answer.json["skipped"]]
    windows = tmp_path / "bare/usr/lib/wsl/lib/libcuda.so.1"
    windows.parent.mkdir(parents=True)
    windows.touch()
    assert "that of Windows" in patchkit("doctor", "--python", cuda.python, "--root", tmp_path / "bare").out
    place = tmp_path / "module/sys/module/nvidia/version"
    place.parent.mkdir(parents=True)
    place.write_text("450.36.06\n")
    assert rules(look(patchkit, cuda, "--root", tmp_path / "module")) == {"driver-too-old"}


# --- what is wrong with the packages ---------------------------------------------------------------------------------


def test_two_distributions_with_one_module_are_told_and_either_can_be_kept(
    environment: Build, patchkit: Patchkit
) -> None:
    env = environment(NEWEST)
    env.pip("install", "--no-deps", wheel(TWIN))
    assert patchkit("apply", PATCH, "--python", env.python).code == 0
    found = only(look(patchkit, env), "module-owned-twice")
    assert "both install the module ultralytics" in found["message"]
    assert len(found["commands"]) == 2
    kept = next(command for command in found["commands"] if command.endswith(TWIN))
    cure(kept, wheel(TWIN))
    answer = look(patchkit, env)
    assert rules(answer) == {"patch-lost"}, "the new package does not have the patch"
    assert answer.json["environment"]["ultralytics"]["distribution"] == TWIN.partition("==")[0]


def test_of_two_paddles_the_one_for_gpus_is_kept(environment: Build, patchkit: Patchkit, tmp_path: Path) -> None:
    env, gpu = environment(), paddle(tmp_path, "paddlepaddle-gpu", "3.0.0", "11.8")
    env.pip("install", "--no-deps", gpu)
    env.pip("install", "--no-deps", paddle(tmp_path, "paddlepaddle", "3.0.0"))
    root = machine(tmp_path / "machine", "535.104.05")
    found = only(look(patchkit, env, "--root", root, "--ignore", "record-differs"), "module-owned-twice")
    cure(found["commands"][0], gpu)
    answer = look(patchkit, env, "--root", root)
    assert (rules(answer), answer.json["environment"]["paddle"]["cuda"]) == (set(), "11.8")


def test_what_a_broken_upgrade_leaves_is_told(environment: Build, patchkit: Patchkit, tmp_path: Path) -> None:
    env, wheels = (
        environment(),
        [stand_in(tmp_path, "numpy", one, {"numpy/__init__.py": one}) for one in ("1.25.0", "1.26.4")],
    )
    env.pip("install", "--no-deps", wheels[0])
    shutil.copytree(env.info("numpy"), tmp_path / "kept")
    env.pip("install", "--no-deps", wheels[1])
    shutil.copytree(tmp_path / "kept", env.site / "numpy-1.25.0.dist-info")
    found = only(look(patchkit, env), "module-owned-twice")
    assert "the file is that of numpy 1.26.4" in found["message"]
    cure(found["commands"][0], *wheels)
    assert rules(look(patchkit, env)) == set()
    assert [path.name for path in env.site.glob("numpy-*")] == ["numpy-1.26.4.dist-info"]


def test_modules_without_an_init_file_are_shared_by_right(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env = environment()
    env.pip("install", "--no-deps", stand_in(tmp_path, "a", "1", {"torch/a.py": "", "bin/x": ""}))
    env.pip("install", "--no-deps", stand_in(tmp_path, "b", "1", {"torch/b.py": "", "bin/y": ""}))
    assert rules(look(patchkit, env)) == set()


def test_opencv_with_and_without_windows_is_told_and_the_command_leaves_one(
    uv: Callable[..., Environment], patchkit: Patchkit, tmp_path: Path
) -> None:
    names = ("opencv-python", "opencv-contrib-python-headless")
    wheels = [stand_in(tmp_path / "wheels", name, "4.10.0.84", {"cv2/__init__.py": name}) for name in names]
    env = uv("env", *wheels)
    found = only(look(patchkit, env), "opencv-twice")
    assert len(found["commands"]) == 2
    cure(found["commands"][1], *wheels)
    assert rules(look(patchkit, env)) == set()
    assert (env.site / "cv2/__init__.py").read_text() == names[1]


# --- patches, edits and caches ---------------------------------------------------------------------------------------


def test_a_patch_that_a_reinstall_took_away_is_told_and_applied_again(yolo: Environment, patchkit: Patchkit) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    yolo.pip("install", "--force-reinstall", "--no-deps", wheel(RELEASE))

    found = only(look(patchkit, yolo), "patch-lost")

    assert f"{PATCH} 1.0.0 of ultralytics 8.2.50 is lost" in found["message"]
    assert found["location"]["path"] == str(yolo.loss)
    cure(found["commands"][0])
    assert is_patched(yolo.loss)
    assert rules(look(patchkit, yolo)) == set()


def test_a_patch_whose_package_is_gone_is_to_be_reverted(yolo: Environment, patchkit: Patchkit, tmp_path: Path) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    yolo.pip("uninstall", "--yes", "ultralytics")
    yolo.pip("install", "--no-deps", stand_in(tmp_path, "numpy", "1.26.4"))
    found = only(look(patchkit, yolo), "patch-lost")
    cure(found["commands"][0])
    assert rules(look(patchkit, yolo)) == set()


def test_a_patched_file_that_was_edited_is_told_and_cured(yolo: Environment, patchkit: Patchkit) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    with yolo.loss.open("a") as file:
        file.write("# one more fix\n")
    found = only(look(patchkit, yolo), "patch-drifted")
    cure(found["commands"][0], wheel(RELEASE))
    assert rules(look(patchkit, yolo)) == set()
    assert is_patched(yolo.loss)


def test_a_ledger_that_is_damaged_is_an_error(yolo: Environment, patchkit: Patchkit) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    (yolo.site / ".patchkit/ledger.json").write_text("{")
    answer = look(patchkit, yolo)
    assert answer.code == 1
    found = only(answer, "patch-drifted")
    assert (found["severity"], "ledger.json is damaged" in found["message"]) == ("error", True)


@pytest.mark.parametrize("same_size", [False, True], ids=["longer", "as long"])
def test_an_edit_in_place_is_told_and_cured(same_size: bool, yolo: Environment, patchkit: Patchkit) -> None:
    text = yolo.loss.read_text()
    yolo.loss.write_text(
        text.replace(".softmax(3).matmul(", ".softmax(3).matmuL(" if same_size else ".softmax(3).mul(")
    )
    answer = look(patchkit, yolo)
    found = only(answer, "record-differs")
    assert f"{LOSS} is not what was installed" in found["message"]
    assert ("another hash" if same_size else "bytes where RECORD says") in found["evidence"]
    assert any(PATCH in skipped["reason"] for skipped in answer.json["skipped"]), "no claim about an unknown file"
    assert found["commands"][1].endswith(f"patchkit apply {PATCH} --python {yolo.python}")
    cure(found["commands"][1], wheel(RELEASE))
    assert rules(look(patchkit, yolo)) == set()
    assert is_patched(yolo.loss)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("8.2.50", "was tested on ultralytics 8.2.50"),
        ("8.2.66", "was tested on ultralytics 8.2.50 and 8.2.70, which hold it alike"),
        ("8.9.0", "patchkit apply yolov10-dfl --check: would-apply"),
    ],
)
def test_how_it_is_known_that_a_release_holds_the_code(
    version: str, words: str, yolo: Environment, patchkit: Patchkit
) -> None:
    (yolo.info() / "direct_url.json").unlink(missing_ok=True)  # it names the wheel, and so its version
    yolo.info().rename(yolo.site / f"ultralytics-{version}.dist-info")
    answer = look(patchkit, yolo)
    (found,) = (one for one in answer.json["findings"] if f" {PATCH} " in one["message"])
    assert (answer.code, found["severity"], words in found["evidence"]) == (0, "note", True), found
    cure(found["commands"][0])
    assert is_patched(yolo.loss)
    assert not [one for one in look(patchkit, yolo).json["findings"] if f" {PATCH} " in one["message"]]


def test_the_commands_are_those_of_the_tool_that_installed(yolo: Environment, patchkit: Patchkit) -> None:
    with yolo.loss.open("a") as file:
        file.write("# a fix from a blog\n")
    commit = '{"url": "https://example.org/fork.git", "vcs_info": {"vcs": "git", "commit_id": "453c6e38"}}'
    (yolo.info() / "direct_url.json").write_text(commit)
    repository = look(patchkit, yolo, "--select", "record-differs").json["findings"][0]["commands"][0]
    assert rules(look(patchkit, yolo)) == {"record-differs", "ultralytics-not-a-release"}
    (yolo.info() / "INSTALLER").write_text("conda\n")
    assert rules(look(patchkit, yolo)) == {"record-differs"}, "conda names the folder of its own servers"
    conda = look(patchkit, yolo, "--select", "record-differs").json["findings"][0]["commands"][0]
    options = f"pip --python {yolo.python} install --force-reinstall --no-deps"
    assert repository == f"{options} 'ultralytics @ git+https://example.org/fork.git@453c6e38'"
    assert conda == "conda install --force-reinstall ultralytics=8.2.50"


def test_notes_count_where_that_is_asked(yolo: Environment, patchkit: Patchkit) -> None:
    assert look(patchkit, yolo, "--fail-on", "note").code == 1
    assert look(patchkit, yolo, "--fail-on", "note", "--ignore", "patch-not-applied").code == 0
    assert look(patchkit, yolo, "--select", "opencv-twice").json["counts"] == {"error": 0, "warning": 0, "note": 0}


def test_an_editable_fork_is_told_with_its_patches(environment: Build, patchkit: Patchkit, tmp_path: Path) -> None:
    env, tree = environment("setuptools==80.9.0"), tmp_path / "code"
    with zipfile.ZipFile(wheel("ultralytics==8.1.34")) as archive:
        archive.extractall(tree)
    shutil.rmtree(tree / "ultralytics-8.1.34.dist-info")
    (tree / "ultralytics/models/yolov10").mkdir()
    (tree / "setup.cfg").write_text(
        "[metadata]\nname = ultralytics\nversion = 8.1.34\n[options]\npackages = ultralytics\n"
    )
    (tree / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "setuptools.build_meta"\n')
    env.pip("install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", tree)

    answer = look(patchkit, env)

    found = only(answer, "ultralytics-not-a-release")
    assert f"ultralytics 8.1.34 is the YOLOv10 fork of THU-MIG, editable, in {tree}" in found["message"]
    there = answer.json["environment"]["ultralytics"]
    assert (there["origin"], there["editable"]) == ("fork", str(tree))
    commands = [one["commands"][0] for one in answer.json["findings"] if one["rule"] == "patch-not-applied"]
    assert f"patchkit apply {PATCH} --path {tree}" in commands
    cure(f"patchkit apply {PATCH} --path {tree}")
    assert is_patched(tree / LOSS)


def test_a_release_from_a_file_is_looked_at_by_its_code(yolo: Environment, patchkit: Patchkit) -> None:
    (yolo.info() / "direct_url.json").write_text(
        '{"url": "https://example.org/\\u001b[31mfork.git", "vcs_info": {"vcs": "git", "commit_id": "453c6e38"}}'
    )
    answer = look(patchkit, yolo)
    found = only(answer, "ultralytics-not-a-release")
    assert "at 453c6e38" in found["message"]
    (patch,) = (one for one in answer.json["findings"] if f" {PATCH} " in one["message"])
    assert patch["evidence"] == f"patchkit apply {PATCH} --check: would-apply"
    text = patchkit("doctor", "--python", yolo.python).out
    assert ("\x1b" in text, "\\x1b[31mfork.git" in text) == (False, True)


def test_a_cache_of_uv_that_was_edited_through_an_environment_is_told_and_cured(
    uv: Callable[..., Environment], patchkit: Patchkit, tmp_path: Path
) -> None:
    one, two = uv("one", wheel(RELEASE)), uv("two", wheel(RELEASE))
    assert one.loss.samefile(two.loss), "uv links the files of both to its cache"
    with one.loss.open("a") as file:
        file.write("# a fix from a blog\n")

    answer = look(patchkit, two)

    assert (answer.code, rules(answer)) == (1, {"cache-poisoned", "record-differs"})
    (found,) = (finding for finding in answer.json["findings"] if finding["rule"] == "cache-poisoned")
    assert f"the cache of uv holds ultralytics 8.2.50 with edited files: {LOSS}" in found["message"]
    assert "is the file of this environment" in found["evidence"]
    assert Path(found["location"]["path"]).is_relative_to(tmp_path / "cache/archive-v0")
    cure(found["commands"][0], wheel(RELEASE))
    assert rules(look(patchkit, two)) == set()
    assert rules(look(patchkit, one)) == {"record-differs"}, "what was linked before keeps the edit"
    assert rules(look(patchkit, uv("three", wheel(RELEASE)))) == set()


@pytest.mark.parametrize(
    ("command", "is_poisoned"),
    [("cp fix.py {0}", True), ("echo '# a fix' > {0}", True), ("sed -i s/softmax/mul/ {0}", False)],
    ids=["cp", "written into", "sed"],
)
def test_what_puts_a_new_file_in_place_of_a_linked_one_poisons_no_cache(
    command: str, is_poisoned: bool, uv: Callable[..., Environment], patchkit: Patchkit, tmp_path: Path
) -> None:
    env = uv("env", wheel(RELEASE))
    (tmp_path / "fix.py").write_text("# a fix from a blog\n")
    checked(["bash", "-c", command.format(env.loss)], cwd=tmp_path)
    assert rules(look(patchkit, env)) == {"record-differs", *(["cache-poisoned"] if is_poisoned else [])}


def test_a_cache_that_poisons_only_the_next_environment_is_told(
    uv: Callable[..., Environment], patchkit: Patchkit
) -> None:
    env = uv("env", wheel(RELEASE))
    text = env.loss.read_bytes()
    with env.loss.open("a") as file:
        file.write("# a fix from a blog\n")
    env.loss.unlink()
    env.loss.write_bytes(text)
    found = only(look(patchkit, env), "cache-poisoned")
    assert found["commands"] == ["uv cache clean ultralytics"]


def test_an_entry_of_a_cache_that_is_damaged_is_told(
    uv: Callable[..., Environment], patchkit: Patchkit, tmp_path: Path
) -> None:
    env = uv("env", wheel(RELEASE))
    (record,) = (tmp_path / "cache").glob("archive-v*/*/ultralytics-*.dist-info/RECORD")
    record.write_text("one,two\n")
    answer = look(patchkit, env, "--select", "cache-poisoned")
    assert (answer.code, "2 fields instead of 3" in answer.json["skipped"][0]["reason"]) == (0, True)


def test_a_patched_environment_of_uv_poisons_nothing(uv: Callable[..., Environment], patchkit: Patchkit) -> None:
    env, other = uv("env", wheel(RELEASE)), uv("other", wheel(RELEASE))
    assert patchkit("apply", PATCH, "--python", env.python).code == 0
    for one in (env, other):
        assert rules(look(patchkit, one)) == set()


def test_a_cache_of_conda_is_looked_at_too(
    yolo: Environment, unpacked: Callable[[str], Path], patchkit: Patchkit, tmp_path: Path
) -> None:
    entry = tmp_path / "pkgs/ultralytics-8.2.50-pyhd8ed1ab_0"
    entry.mkdir(parents=True)
    unpacked(RELEASE).rename(entry / "site-packages")
    settings = {"CONDA_PKGS_DIRS": str(tmp_path / "pkgs")}
    assert rules(look(patchkit, yolo, env=settings)) == set()
    with (entry / "site-packages" / LOSS).open("a") as file:
        file.write("# a fix from a blog\n")
    found = only(look(patchkit, yolo, env=settings), "cache-poisoned")
    assert found["commands"] == [f"rm -r {entry}"]


# --- input that is wrong ---------------------------------------------------------------------------------------------


def test_targets_that_are_no_environment_are_refused(patchkit: Patchkit, tmp_path: Path) -> None:
    empty = tmp_path / "site"
    empty.mkdir()
    assert_refused(patchkit("doctor", "--site-packages", tmp_path / "absent"), "no such folder")
    assert_refused(patchkit("doctor", "--site-packages", empty), "no package is installed there")
    assert_refused(patchkit("doctor", "--python", tmp_path / "absent"), "no Python interpreter")
    assert_refused(patchkit("doctor", "--path", tmp_path), "a source tree has none")
    assert_refused(patchkit("doctor", "--root", tmp_path / "absent"), "--root", "no such folder")
    assert_refused(patchkit("doctor", "--select", "opencv-twise"), "did you mean 'opencv-twice'?")
    everything = [word for rule in load_rules(PACKAGE) for word in ("--ignore", rule.id)]
    assert_refused(patchkit("doctor", *everything), "no rule is left")
    assert patchkit("doctor", "--site-packages", empty, "--format", "json").json["command"] == "doctor"


DAMAGED = [
    "torch-2.1.0.dist-info/METADATA",
    "torch/version.py",
    "ultralytics-8.2.50.dist-info/RECORD",
    "ultralytics-8.2.50.dist-info/direct_url.json",
]


@pytest.mark.parametrize("damage", ["empty", "binary", "link to nowhere", "folder", "unreadable"])
@pytest.mark.parametrize("file", DAMAGED)
def test_files_that_are_damaged_are_told_and_nothing_is_claimed(
    file: str, damage: str, cuda: Environment, patchkit: Patchkit, tmp_path: Path
) -> None:
    cuda.pip("install", "--no-deps", wheel(RELEASE))
    path = cuda.site / file
    path.unlink(missing_ok=True)
    if damage == "link to nowhere":
        path.symlink_to(tmp_path / "nowhere")
    elif damage == "folder":
        path.mkdir()
    else:
        path.write_bytes({"empty": b"", "binary": b'\xff\x00\x1b[31m,"\n\x80'}.get(damage, b"x"))
    if damage == "unreadable":
        path.chmod(0)
        answer = unprivileged(patchkit, cuda)
    else:
        answer = look(patchkit, cuda)
    assert (answer.code, rules(answer)) == (0, set()), answer.out + answer.err
    assert "Traceback" not in answer.err
    harmless = file.endswith("version.py") and damage == "link to nowhere"
    harmless = harmless or (file.endswith("direct_url.json") and damage == "link to nowhere")
    told = [skipped["reason"] for skipped in answer.json["skipped"] if file.rpartition("/")[2] in skipped["reason"]]
    assert told or harmless, answer.out


def unprivileged(patchkit: Patchkit, env: Environment) -> Answer:
    """The look of a user whom permissions stop."""
    command = [sys.executable, "-m", "patchkit", "doctor", "--python", str(env.python), "--format", "json"]
    if os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=env.folder)
    return Answer(done.returncode, done.stdout, done.stderr)


def test_a_record_of_many_rows_and_odd_names_is_no_trouble(yolo: Environment, patchkit: Patchkit) -> None:
    record = yolo.info() / "RECORD"
    more = "".join(f"ultralytics/part/file_{number}.py,sha256=abc,{number}\n" for number in range(20_000))
    odd = '"ultralytics/a,""b"".py",sha256=abc_-,3\nultralytics/\x1b[31m.py,sha256=abc,1\n'
    record.write_text(record.read_text() + more + odd)
    answer = look(patchkit, yolo)
    assert (answer.code, rules(answer)) == (0, set())


def test_old_metadata_is_read(patchkit: Patchkit, tmp_path: Path) -> None:
    """An egg-info is a folder, or with distutils a file; a version may stand only inside."""
    site = tmp_path / "site"
    (site / "torch.egg-info").mkdir(parents=True)
    (site / "torch.egg-info/PKG-INFO").write_text("Metadata-Version: 1.2\nName: torch\nVersion: 1.13.1\n")
    (site / "numpy-2.0.1-py3.9.egg-info").write_text("Metadata-Version: 1.0\nName: numpy\nVersion: 2.0.1\n")
    found = only(look(patchkit, site), "numpy-too-new")
    assert "torch 1.13.1 is of before numpy 2, and numpy 2.0.1 is installed" in found["message"]
    assert found["commands"] == [f"pip install --upgrade --target {site} 'numpy<2'"]


@pytest.mark.parametrize(
    ("version", "tag", "words"),
    [
        ("2.2.2", "win_amd64", "is of before numpy 2"),
        ("2.3.1", "win_amd64", "for Windows was built with numpy 1"),
        ("2.4.0+cpu", "win_amd64", "for Windows was built with numpy 1"),
        ("2.4.1", "win_amd64", ""),
        ("2.4.0", "manylinux1_x86_64", ""),
        ("2.4.0", "macosx_11_0_arm64", ""),
    ],
)
def test_wheels_for_windows_took_numpy_2_later(
    version: str, tag: str, words: str, environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env = environment()
    env.pip("install", "--no-deps", stand_in(tmp_path, "torch", version), stand_in(tmp_path, "numpy", "2.0.1"))
    (env.info("torch") / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: cp312-cp312-{tag}\n")
    answer = look(patchkit, env)
    if words:
        assert words in only(answer, "numpy-too-new")["message"]
    assert rules(answer) == ({"numpy-too-new"} if words else set())


# --- formats and documentation ---------------------------------------------------------------------------------------


def test_text_tells_what_is_there_then_what_is_wrong_with_the_commands(
    cuda: Environment, patchkit: Patchkit, tmp_path: Path
) -> None:
    headless = stand_in(tmp_path, "opencv-python-headless", "4.10.0.84", {"cv2/__init__.py": "x"})
    cuda.pip("install", "--no-deps", headless)
    answer = patchkit("doctor", "--python", cuda.python)
    lines = answer.out.splitlines()
    assert (answer.code, answer.err) == (1, "")
    assert lines[1].split() == ["torch", "2.1.0+cu121,", "CUDA", "12.1"]
    at = next(number for number, line in enumerate(lines) if line.startswith("warning [opencv-twice] "))
    assert [line.split(":")[0].strip() for line in lines[at + 1 : at + 4]] == ["evidence", "run", "or"]
    assert lines[-1] == "0 errors, 1 warning, 0 notes"


def test_json_has_the_keys_of_the_contract(yolo: Environment, patchkit: Patchkit) -> None:
    answer = look(patchkit, yolo)
    assert list(answer.json) == ["schema", "command", "environment", "findings", "skipped", "counts"]
    assert (answer.json["schema"], answer.json["command"]) == (1, "doctor")
    finding = answer.json["findings"][0]
    assert list(finding) == ["rule", "severity", "message", "location", "evidence", "fix", "commands"]
    assert answer.json["counts"]["note"] == len(answer.json["findings"])


def test_sarif_has_the_commands_and_keeps_the_exit_code(yolo: Environment, patchkit: Patchkit) -> None:
    with yolo.loss.open("a") as file:
        file.write("# a fix from a blog\n")
    answer = patchkit("doctor", "--python", yolo.python, "--format", "sarif")
    run = json.loads(answer.out)["runs"][0]
    assert answer.code == 1
    (result,) = (one for one in run["results"] if one["ruleId"] == "record-differs")
    assert "pip --python" in result["properties"]["commands"][0]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {rule.id for rule in load_rules(PACKAGE)}


def test_explain_knows_the_rules(patchkit: Patchkit) -> None:
    answer = patchkit("explain", "cuda-library-shadowed")
    assert (answer.code, "RUNPATH" in answer.out) == (0, True)


def seen(env: Environment) -> str:
    """The programs that a look starts, and the modules that take time that it imports."""
    heavy = ["libcst", "yaml", "msgspec", "packaging", "importlib.metadata", "rich", "numpy", "matplotlib"]
    code = (
        "import sys; sys.argv[0] = 'patchkit'\n"
        "starts = ('subprocess.', 'os.exec', 'os.posix_spawn', 'os.fork', 'os.system', 'socket.')\n"
        "sys.addaudithook(lambda event, _: event.startswith(starts) and sys.stderr.write(event))\n"
        "from patchkit.cli import main\n"
        "try: main()\n"
        f"finally: sys.stderr.write(' '.join(name for name in {heavy} if name in sys.modules))"
    )
    command = [sys.executable, "-c", code, "doctor", "--python", str(env.python)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stderr


def test_a_look_at_a_sound_environment_starts_nothing_and_imports_nothing_that_takes_time(cuda: Environment) -> None:
    cuda.pip("install", "--no-deps", wheel(RELEASE))
    assert seen(cuda) == ""


def test_a_python_that_sees_the_packages_of_the_system_is_asked_where_they_are(cuda: Environment) -> None:
    settings = cuda.folder / "pyvenv.cfg"
    text = settings.read_text()
    assert "include-system-site-packages = false" in text
    settings.write_text(text.replace("site-packages = false", "site-packages = true"))
    assert seen(cuda).startswith("subprocess.Popen")


def test_the_example_of_the_readme_is_what_the_command_prints(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env, wheels = environment(RELEASE), sound(tmp_path / "wheels")
    env.pip("install", "--no-deps", *wheels)
    assert patchkit("apply", PATCH, "--python", env.python).code == 0
    env.pip("install", "--no-deps", "--force-reinstall", wheel(RELEASE))
    env.pip("install", "--no-deps", stand_in(tmp_path / "later", "nvidia-cublas-cu12", "12.4.5.8", CUBLAS))
    system = toolkit(tmp_path / "machine/usr/local/cuda/lib64", "12.2.5.6")
    root = machine(tmp_path / "machine", "535.104.05")
    options = ("--root", root, "--ignore", "patch-not-applied")
    answer = patchkit("doctor", "--python", env.python, *options, env={"LD_LIBRARY_PATH": str(system)})
    shown = answer.out.replace(str(env.folder), "/opt/venv").replace(str(root), "")
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    shown = shown.replace(python, "python3.11").replace(f"{sys.version_info[0]}.{sys.version_info[1]}, ", "3.11, ")
    command = "$ patchkit doctor --python /opt/venv/bin/python --ignore patch-not-applied"
    assert f"```console\n{command}\n{shown}```\n" in (REPOSITORY / "README.md").read_text(), shown
