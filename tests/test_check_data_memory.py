"""`check-data` on files of which every record is bad: what is kept does not grow with what is found."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CHECK = (sys.executable, "-m", "patchkit", "check-data")
SMALL_FILES = ("bash", "-c", 'ulimit -f 0; exec "$@"', "bash", *CHECK)  # whatever is written to a file fails


def unknown_categories(path: Path, count: int) -> Path:
    with path.open("w") as file:
        file.write('{"images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}],\n"annotations": [\n')
        for number in range(1, count + 1):
            record = {"id": number, "image_id": 1, "category_id": 9, "bbox": [number % 600, 10, 20, 20]}
            file.write(json.dumps(record) + (",\n" if number < count else "\n"))
        file.write('], "categories": [{"id": 1, "name": "one"}]}\n')
    return path


def peak_bytes(path: Path) -> int:
    """The most memory that a check of the file takes."""
    with subprocess.Popen([*CHECK, path], stdout=subprocess.PIPE, text=True, cwd=path.parent) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 1, said
    assert "more of category-unknown" in said
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def lines(command: tuple[str, ...], path: Path) -> list[tuple[str, int]]:
    done = subprocess.run([*command, path, "--format", "json"], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    findings: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    return [(finding["rule"], finding["location"]["line"]) for finding in findings]


def test_memory_does_not_grow_with_what_is_found(tmp_path: Path) -> None:
    some, many = (unknown_categories(tmp_path / f"{count}.json", count) for count in (25_000, 60_000))
    assert peak_bytes(many) - peak_bytes(some) < 35_000 * 300  # a finding and its row take 1.5 kB


def test_all_that_is_found_is_told_in_its_order_with_room_for_temporary_files_and_without(tmp_path: Path) -> None:
    count = 22_000
    data = unknown_categories(tmp_path / "data.json", count)
    found = lines(CHECK, data)
    rows = [line for rule, line in found if rule == "category-unknown"]
    assert rows == list(range(3, count + 3))
    assert lines(SMALL_FILES, data) == found
