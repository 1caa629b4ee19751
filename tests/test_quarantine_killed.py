"""`--fix --quarantine` and `--undo` that are killed: whatever was done, `--undo` brings all of it back."""

import signal
from pathlib import Path

from tests.conftest import run_patchkit, snapshot
from tests.data_sets import IMAGE, ROW, yolo
from tests.support import changing_steps

BAD = f"{ROW}-1 0.5 0.5 0.2 0.2\n"


def test_a_data_set_comes_back_whenever_a_command_is_killed(tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", BAD, {"images/train/b.jpg": IMAGE, "labels/train/b.txt": BAD})
    (data.parent / "labels/train.cache").write_bytes(b"old")
    before = snapshot(data.parent)

    def fix(folder: Path, last: int = 0) -> tuple[int, int]:
        return changing_steps(tmp_path, "check-data", data, "--fix", "--quarantine", folder, last=last)

    def undo(folder: Path, last: int = 0) -> tuple[int, int]:
        return changing_steps(tmp_path, "check-data", "--undo", folder, last=last)

    def is_back(folder: Path) -> bool:
        """After a further --undo; one that has no manifest yet has changed nothing."""
        if (folder / "manifest.json").exists():
            assert run_patchkit("check-data", "--undo", folder, cwd=tmp_path).code == 0
        return snapshot(data.parent) == before

    code, steps = fix(tmp_path / "whole")
    assert code == 1  # classes with few objects are told
    after = snapshot(data.parent)
    assert after != before
    for last in range(1, undo(tmp_path / "whole")[1] + 1):
        assert fix(tmp_path / f"undo {last}")[0] == 1
        assert undo(tmp_path / f"undo {last}", last)[0] == -signal.SIGKILL
        assert is_back(tmp_path / f"undo {last}"), f"--undo was killed before step {last}"
    for last in range(1, steps + 1):
        assert fix(tmp_path / f"fix {last}", last)[0] == -signal.SIGKILL
        assert is_back(tmp_path / f"fix {last}"), f"--fix was killed before step {last}"
