"""All or nothing: killed commands, parallel commands, several files and several patches."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Answer, Environment, snapshot, without_bytecode
from tests.support import INTERRUPTIBLE, changing_steps

POINTS = [step / 16 for step in range(1, 17)]


def steps_of(root: Path, *command: str, last: int = 0) -> tuple[int, int]:
    """Exit code and number of changing steps of a command; killed before the step `last`."""
    return changing_steps(root, *command, "--site-packages", root, last=last)


def assert_whole(root: Path, old: dict[str, object], new: dict[str, object]) -> bool:
    """The root is entirely old or entirely new; True if new."""
    now = without_bytecode(snapshot(root))
    assert now in (old, new), sorted(set(now.items()) ^ set(old.items()))
    return now == new


@pytest.fixture
def states(environment: Callable[..., Environment], patchkit: Callable[..., Answer]) -> tuple[Environment, dict, dict]:
    """An environment, its contents before and after the patch."""
    env = environment("ultralytics==8.2.50")
    old = without_bytecode(snapshot(env.site))
    assert patchkit("apply", "yolov10-dfl", "--site-packages", env.site).code == 0
    new = without_bytecode(snapshot(env.site))
    assert patchkit("revert", "--all", "--site-packages", env.site).code == 0
    assert without_bytecode(snapshot(env.site)) == old
    return env, old, new


@pytest.mark.parametrize("next_command", ["status", "revert", "apply"])
def test_an_apply_killed_anywhere_leaves_the_old_or_the_new_state(
    states: tuple[Environment, dict, dict], patchkit: Callable[..., Answer], next_command: str
) -> None:
    env, old, new = states
    code, steps = steps_of(env.site, "apply", "yolov10-dfl")
    assert code == 0
    assert steps > 20
    patchkit("revert", "--all", "--site-packages", env.site)
    for last in sorted({max(1, round(steps * point)) for point in POINTS}):
        code, _ = steps_of(env.site, "apply", "yolov10-dfl", last=last)
        assert code == -signal.SIGKILL
        words = ["--all"] if next_command == "revert" else ["yolov10-dfl"] if next_command == "apply" else []
        answer = patchkit(next_command, *words, "--site-packages", env.site)
        is_new = assert_whole(env.site, old, new)
        if next_command == "apply":
            assert (answer.code, is_new) == (0, True)
        elif next_command == "revert":
            assert not is_new
            assert answer.code == 0 or "no patch is applied" in answer.err
        else:
            assert answer.code == 0
        if is_new:
            assert patchkit("verify", "--site-packages", env.site).code == 0
            patchkit("revert", "--all", "--site-packages", env.site)
        assert_whole(env.site, old, old)


def test_a_revert_killed_anywhere_leaves_the_old_or_the_new_state(
    states: tuple[Environment, dict, dict], patchkit: Callable[..., Answer]
) -> None:
    env, old, new = states
    patchkit("apply", "yolov10-dfl", "--site-packages", env.site)
    code, steps = steps_of(env.site, "revert", "--all")
    assert code == 0
    for last in sorted({max(1, round(steps * point)) for point in POINTS[::2]}):
        patchkit("apply", "yolov10-dfl", "--site-packages", env.site)
        assert_whole(env.site, new, new)
        code, _ = steps_of(env.site, "revert", "--all", last=last)
        assert code == -signal.SIGKILL
        assert patchkit("status", "--site-packages", env.site).code == 0
        if assert_whole(env.site, old, new):
            assert patchkit("verify", "--site-packages", env.site).code == 0


def test_the_bytecode_of_a_killed_apply_is_never_that_of_the_other_state(
    states: tuple[Environment, dict, dict], patchkit: Callable[..., Answer]
) -> None:
    env, _, _ = states
    checked = "import importlib.util as u, sys; print(u.source_hash(open(sys.argv[1], 'rb').read()).hex())"
    compiled = next((env.loss.parent / "__pycache__").glob("loss.*.pyc"))
    subprocess.run(
        [env.python, "-c", f"import py_compile; py_compile.compile({str(env.loss)!r}, {str(compiled)!r}, "
         "invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)"],
        check=True,
    )  # fmt: skip
    _, steps = steps_of(env.site, "apply", "yolov10-dfl")
    patchkit("revert", "--all", "--site-packages", env.site)
    for last in range(steps // 2, steps + 1, 2):
        steps_of(env.site, "apply", "yolov10-dfl", last=last)
        patchkit("status", "--site-packages", env.site)
        expected = subprocess.run(
            [env.python, "-c", checked, env.loss], capture_output=True, text=True, check=True
        ).stdout.strip()
        assert compiled.read_bytes()[8:16].hex() == expected
        patchkit("revert", "--all", "--site-packages", env.site)


def test_two_applies_at_once_leave_one_whole_patch(
    states: tuple[Environment, dict, dict], patchkit: Callable[..., Answer]
) -> None:
    env, old, new = states
    for _ in range(3):
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "patchkit", "apply", "yolov10-dfl", "--site-packages", str(env.site)],
                stdout=subprocess.PIPE,
                text=True,
                cwd="/",
            )
            for _ in range(3)
        ]
        outputs = [process.communicate()[0] for process in running]
        assert [process.returncode for process in running] == [0, 0, 0]
        assert sorted(output.split(": ")[1].split(" ")[0] for output in outputs) == [
            "already-applied",
            "already-applied",
            "applied",
        ]
        assert assert_whole(env.site, new, new)
        patchkit("revert", "--all", "--site-packages", env.site)
    assert_whole(env.site, old, old)


def test_an_interrupted_command_exits_130_and_leaves_the_old_state(states: tuple[Environment, dict, dict]) -> None:
    env, old, _ = states
    waiting = (
        "import fcntl, os, sys, time; fd = os.open(sys.argv[1], os.O_RDONLY); fcntl.flock(fd, fcntl.LOCK_EX); "
        "print('held', flush=True); time.sleep(3600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", waiting, str(env.site)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    command = [sys.executable, "-m", "patchkit", "apply", "yolov10-dfl", "--site-packages", env.site]
    process = subprocess.Popen(
        [*INTERRUPTIBLE, *map(str, command)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env={**os.environ, "PATCHKIT_LOCK_TIMEOUT": "60"},
    )
    try:
        _wait_until_waiting_for_lock(process.pid, env.site)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    finally:
        holder.kill()
        holder.wait()
    assert process.returncode == 130
    assert "interrupted" in errors
    assert without_bytecode(snapshot(env.site)) == old


def _wait_until_waiting_for_lock(pid: int, root: Path) -> None:
    """Until the process keeps the root open, which it does only for the lock."""
    seen = 0
    while seen < 3:
        opened = []
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                opened.append(link.readlink())
        seen = seen + 1 if root in opened else 0
        time.sleep(0.1)
