"""`doctor` on the machine: libraries that come before those of the wheels, and drivers that are too old."""

from pathlib import Path

import pytest

from tests.conftest import Environment
from tests.doctor_look import cure, look, machine, only, rules, toolkit
from tests.stand_in_wheels import paddle, torch, torchvision
from tests.support import Build, Patchkit

pytestmark = pytest.mark.usefixtures("no_caches_of_this_machine")


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
