"""Print what `patchkit check-data` takes beside floors and peers, once it has found all defects that are known.

usage: check_data.py [--quick] [--no-peers] [--rounds N]

The goals are the project's own. The data are written once per machine in PATCHKIT_TEST_CACHE (.cache), 3 GB of them;
--quick leaves out the sets of 100,000 files and more. Peers need the developers' environment: `.venv/bin/python`.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import make_bench_ds
from check_data_peers import Command, Peer, coco_peers, yolo_peers
from frameworks import CACHE
from installation import ENVIRONMENT, Installation, Usage, machine, measure

DROP_CACHES = Path("/proc/sys/vm/drop_caches")
READER = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            file.read()
"""
PATIENCE_S = 20  # what has taken longer is not run again
LIMIT_S = 400
QUICK_LIMIT_S = 60
CORES = tuple(str(core) for core in sorted(os.sched_getaffinity(0))[:2])  # of every run


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    title: str
    command: Command
    code: int = 0
    note: str = ""
    files: int = 0  # where growth is looked at
    cores: tuple[str, ...] = CORES
    prepare: Callable[[], None] | None = None  # runs before each run and is not counted


@dataclass(frozen=True)
class Group:
    """Lines whose ratios are those to the first of them."""

    title: str
    rows: list[Row]
    left_out: tuple[Peer, ...] = ()


@dataclass(frozen=True)
class Data:
    """The folders of what is checked."""

    planted: Path
    clean: Path
    large: Path | None


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure patchkit check-data.")
    parser.add_argument("--quick", action="store_true", help="no large sets, one round")
    parser.add_argument("--no-peers", action="store_true", help="patchkit and the floors alone")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds (default: %(default)s)")
    arguments = parser.parse_args()
    rounds, limit = (1, QUICK_LIMIT_S) if arguments.quick else (arguments.rounds, LIMIT_S)
    data = Data(_made("planted"), _made("clean", clean=True), None if arguments.quick else _made("large", large=True))
    with tempfile.TemporaryDirectory() as name:
        installed = Installation(Path(name))
        wrong = faults(installed, data)
        if wrong:
            sys.exit("\n".join([f"{len(wrong)} results of check-data are wrong; nothing is measured:", *wrong[:40]]))
        print("all planted defects are found, and no others; the clean sets are clean\n")
        print(f"median of {rounds} rounds, cores {', '.join(CORES)}, {machine()}, load {os.getloadavg()[0]:.1f}")
        print("the peak is that of the largest process, the CPU time that of all\n")
        print("| what | CPU s | wall s | peak MiB | ratio | note |\n|---|---:|---:|---:|---:|---|")
        for group in groups(installed, data, Path(name), peers=not arguments.no_peers):
            print("\n".join(lines(group, measured(group.rows, rounds, limit))), flush=True)


# What must be true before a figure means anything.


def faults(installed: Installation, data: Data) -> list[str]:
    """What check-data has missed, and what it has invented.

    In data.yaml, train and val are the same folder, which it tells rightly; in train.yaml they are not.
    """
    wrong = []
    for folder in filter(None, (data.planted, data.large)):
        for name, made in _truth(folder).items():
            wrong += _compared(name, made["planted"], _findings(installed, _place(folder, name, "train.yaml")))
    for name in _truth(data.clean):
        findings = _findings(installed, _place(data.clean, name, "train.yaml"))
        wrong += [f"clean {name}: invented {_told(f)}" for f in findings if f["severity"] != "note"]
    return wrong


def _compared(name: str, planted: list[dict[str, Any]], findings: list[dict[str, Any]]) -> list[str]:
    """Planted defects that no finding names, and findings where nothing is planted."""
    found = {(finding["rule"], *_where(finding)) for finding in findings}
    places = {_subject(defect) for defect in planted}
    missed = [defect for defect in planted if not _is_found(defect, found)]
    invented = [f for f in findings if f["severity"] != "note" and _subject_found(f) not in places]
    return [
        *(f"{name}: missed {defect}" for defect in missed),
        *(f"{name}: invented {_told(finding)}" for finding in invented),
    ]


def _is_found(defect: dict[str, Any], found: set[tuple[Any, ...]]) -> bool:
    line = defect["line"] if defect["line"] is not None else 1
    where = (defect["annotation"],) if defect["annotation"] is not None else (defect["path"], line)
    return (defect["rule"], *where) in found


def _where(finding: dict[str, Any]) -> tuple[Any, ...]:
    """The annotation, or the file and line."""
    subject = _subject_found(finding)
    return (subject,) if isinstance(subject, int) else (subject, finding["location"]["line"])


def _subject(defect: dict[str, Any]) -> int | str:
    subject: int | str = defect["path"] if defect["annotation"] is None else defect["annotation"]
    return subject


def _subject_found(finding: dict[str, Any]) -> int | str:
    """The id of the annotation that a message begins with; else the file, from the folder of the data set on."""
    first, _, _ = finding["message"].partition(":")
    word, _, number = first.partition(" ")
    if word == "annotation" and number.isdecimal():
        return int(number)
    return "/".join(Path(finding["location"]["path"]).parts[-4:])


def _told(finding: dict[str, Any]) -> str:
    place = finding["location"]
    return f"{finding['rule']} {place['path']}:{place['line']}: {finding['message']}"


def _findings(installed: Installation, data: Path) -> list[dict[str, Any]]:
    """Raises   SystemExit if the check could not be made."""
    command: Command = (installed.patchkit, "check-data", data, "--format", "json")
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"exit code {done.returncode}: {' '.join(map(str, command))}\n{done.stderr or done.stdout}")
    findings: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    told = any(finding["severity"] != "note" for finding in findings)
    if done.returncode != told:
        sys.exit(f"exit code {done.returncode} with {len(findings)} findings: {data}")
    return findings


# What is measured.


def groups(installed: Installation, data: Data, work: Path, *, peers: bool) -> list[Group]:
    check, python = (installed.patchkit, "check-data"), installed.python
    yolo, coco = _place(data.planted, "yolo"), _place(data.planted, "coco")
    reading = (python, "-I", "-S", "-c", READER, data.planted / "yolo/labels")
    one = CORES[:1]
    return [
        Group(
            "YOLO, 20,000 files, warm, one core",
            [
                Row("check-data", (*check, yolo), 1, "goal: wall at most 0.55", cores=one),
                Row("python -c pass", (python, "-c", "pass"), cores=one),
                Row("import typer", (python, "-c", "import typer"), cores=one),
                Row("reading the files alone", reading, cores=one),
            ],
        ),
        Group(
            "YOLO, 20,000 files, warm, two cores",
            [Row("check-data", (*check, yolo), 1, "goal: wall at most 0.40")],
        ),
        _cold(check, yolo, reading, work),
        Group(
            "COCO, 187 MB, 844,751 boxes",
            [
                Row("check-data", (*check, coco), 1, "goal: wall at most 3.3, 550 MB (525 MiB)"),
                Row("reading the file alone", (python, "-I", "-S", "-c", READER, coco.parent)),
            ],
        ),
        *(_large(check, data.large) if data.large is not None else ()),
        *(_peers(check, data.clean) if peers else ()),
    ]


def _cold(check: Command, yolo: Path, reading: Command, work: Path) -> Group:
    """Files that are on the disk only. The programs are in memory: a run on three files brings them back."""
    small = work / "small"
    make_bench_ds.make_yolo(small, 3)
    again: list[Command] = [(*check, small / "data.yaml"), (*reading[:-1], small)]
    way = "drop_caches" if os.access(DROP_CACHES, os.W_OK) else "posix_fadvise"

    def forget() -> None:
        _forget(yolo.parent, way)
        for command in again:
            subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    return Group(
        f"YOLO, 20,000 files, cold ({way})",
        [
            Row("check-data", (*check, yolo), 1, prepare=forget),
            Row("one reader, a file at a time", reading, note="goal: ratio at least 5", prepare=forget),
        ],
    )


def _forget(folder: Path, way: str) -> None:
    os.sync()
    if way == "drop_caches":
        DROP_CACHES.write_text("3")
        return
    for path in folder.rglob("*.*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _large(check: Command, large: Path) -> list[Group]:
    growth = [
        Row(f"check-data, {made['files']:,} files", (*check, _place(large, name)), 1, files=made["files"])
        for name, made in _truth(large).items()
        if name != "coco"
    ]
    coco = Row("check-data", (*check, _place(large, "coco")), 1, "goal: peak as for 187 MB")
    return [Group("YOLO, growth", growth), Group("COCO, 891 MB, 4,006,080 boxes", [coco])]


def _peers(check: Command, clean: Path) -> list[Group]:
    """Peers see sound labels, because some of them stop at the first defect."""
    sets = {
        "YOLO, 20,000 files without defects, two cores": ("yolo", yolo_peers(clean / "yolo", clean / "placed")),
        "COCO, 187 MB without defects": ("coco", coco_peers(_place(clean, "coco"), clean / "placed")),
    }
    return [
        Group(
            title,
            [
                Row("check-data", (*check, _place(clean, name, "train.yaml"))),
                *(Row(peer.title, peer.command) for peer in peers if peer.command is not None),
            ],
            tuple(peer for peer in peers if peer.command is None),
        )
        for title, (name, peers) in sets.items()
    ]


def measured(rows: Sequence[Row], rounds: int, limit: int) -> list[Usage | str]:
    """The medians for each row, or why there are none.

    Every round runs all rows, so that a slow moment of the machine falls on all. A first round, which warms the disk
    cache, is not counted but for what is slow: that runs once.
    """
    usages: list[list[Usage]] = [[] for _ in rows]
    failures: dict[int, str] = {}
    for _ in range(rounds + 1):
        for index, row in enumerate(rows):
            if index in failures or any(usage.wall_ms > PATIENCE_S * 1000 for usage in usages[index]):
                continue
            try:
                usages[index].append(_measured_once(row, limit))
            except RuntimeError as error:
                failures[index] = str(error)
    return [failures.get(index) or _median(runs[1:] or runs) for index, runs in enumerate(usages)]


def _measured_once(row: Row, limit: int) -> Usage:
    """Raises   RuntimeError if it takes longer than the limit, or ends otherwise than expected."""
    if row.prepare is not None:
        row.prepare()
    start = time.perf_counter()
    try:
        pinned = (_tool("taskset"), "-c", ",".join(row.cores), _tool("timeout"), str(limit))
        return measure((*pinned, *row.command), expected=row.code)
    except RuntimeError as error:
        if time.perf_counter() - start >= limit:
            raise RuntimeError(f"more than {limit} s") from error
        raise RuntimeError("failed") from error


def lines(group: Group, usages: Sequence[Usage | str]) -> list[str]:
    """The lines of the table for one group."""
    printed = [f"| **{group.title}** | | | | | |"]
    first = usages[0]
    for index, (row, usage) in enumerate(zip(group.rows, usages, strict=True)):
        if isinstance(usage, str):
            printed.append(f"| {row.title} | | | | | {usage} |")
            continue
        ratio = f"{usage.wall_ms / first.wall_ms:.2f}" if isinstance(first, Usage) else ""
        note = row.note or _growth(group.rows[: index + 1], usages)
        seconds = f"{usage.cpu_ms / 1000:.3f} | {usage.wall_ms / 1000:.3f}"
        printed.append(f"| {row.title} | {seconds} | {usage.peak_mib:.0f} | {ratio} | {note} |")
    return printed + [f"| {peer.title} | | | | | left out: {peer.reason} |" for peer in group.left_out]


def _growth(rows: Sequence[Row], usages: Sequence[Usage | str]) -> str:
    """The time for a file of the last row, and for each that it has more than the row before."""
    known = [(row.files, u.wall_ms) for row, u in zip(rows, usages, strict=False) if row.files and isinstance(u, Usage)]
    if not known:
        return ""
    files, wall_ms = known[-1]
    note = f"{wall_ms * 1000 / files:.1f} µs a file"
    for fewer, less_ms in known[-2:-1]:
        note += f", {(wall_ms - less_ms) * 1000 / (files - fewer):.1f} for each beyond {fewer:,}"
    return note


def _median(usages: Sequence[Usage]) -> Usage:
    return Usage(*(median(values) for values in zip(*map(astuple, usages), strict=True)))


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        sys.exit(f"{name} is needed (util-linux, coreutils)")
    return found


# The data.


def _made(name: str, *, clean: bool = False, large: bool = False) -> Path:
    """The folder of data that the present make_bench_ds.py writes; written now if it is not there."""
    folder, stamp = CACHE / "check-data" / name, CACHE / "check-data" / f"{name}.made"
    wanted = hashlib.sha256(Path(make_bench_ds.__file__).read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"writing {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        (make_bench_ds.make_large if large else make_bench_ds.make)(folder, clean=clean)
        stamp.write_text(wanted)
    return folder


def _place(folder: Path, name: str, yaml: str = "data.yaml") -> Path:
    return folder / name / ("instances.json" if name == "coco" else yaml)


def _truth(folder: Path) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((folder / "truth.json").read_text())
    return truth


if __name__ == "__main__":
    main()
