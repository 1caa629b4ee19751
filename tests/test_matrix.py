"""`matrix`: rooms against published releases, their tables, and the tables in the README."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from patchkit.output.text import render_matrix_markdown
from patchkit.patching.packs import Room, all_rooms
from patchkit.patching.releases import opened_wheel
from patchkit.patching.tested import load_table, rows
from tests.conftest import CACHE, REPOSITORY, Answer, held, wheel
from tests.support import assert_refused
from tests.test_packs import Pack

Run = Callable[..., Answer]
ENV = {"PATCHKIT_CACHE": str(CACHE)}
ROOMS = [room for room in all_rooms() if room.manifest.distributions]


def test_every_room_for_releases_has_a_table_without_conflicts() -> None:
    for room in ROOMS:
        table = load_table(room.folder)
        assert {release.outcome for release in table} <= {"would-apply", "not-applicable", "upstreamed"}, room.id
        assert any(release.outcome == "would-apply" for release in table), room.id


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.id)
def test_the_first_and_last_release_of_each_row_are_as_the_table_says(
    room: Room, patchkit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {
        version: row for row in rows(load_table(room.folder)) for version in (row.releases[0], row.releases[-1])
    }
    monkeypatch.setenv("PATCHKIT_CACHE", str(CACHE))
    for version, row in expected.items():
        if row.sites:  # others are not opened: they are outside the versions of the room
            with held(CACHE / f"{row.distribution}-{version}.lock"), opened_wheel(row.distribution, version):
                pass  # in the cache now, though other test processes want it too
    answer = patchkit("matrix", room.id, "--versions", ",".join(expected), "--check", "--format", "json", env=ENV)
    assert answer.code == 0, answer.err
    assert answer.json["table_is_current"] is True
    assert {release["version"] for release in answer.json["releases"]} == set(expected)
    for release in answer.json["releases"]:
        row = expected[release["version"]]
        assert release["outcome"] == row.outcome, release
        assert [
            (site["file"], site["symbol"], site["state"], site["fingerprint"] or "") for site in release["sites"]
        ] == [(site.file, site.symbol, site.state, site.fingerprint) for site in row.sites]
        assert all(site["known"] in (True, None) for site in release["sites"])


def test_the_readme_shows_the_table_of_every_room() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    for room in ROOMS:
        assert render_matrix_markdown(load_table(room.folder)) in readme, f"patchkit matrix {room.id} --format markdown"


def test_the_outcomes_are_those_that_the_sources_were_read_to_have() -> None:
    def outcome(id: str, version: str) -> str:
        room = next(room for room in ROOMS if room.id == id)
        return next(release.outcome for release in load_table(room.folder) if release.version == version)

    assert outcome("yolov10-dfl", "0.0.44") == "not-applicable"
    assert outcome("ultralytics-sync-bn", "8.0.6") == "not-applicable"
    assert outcome("ultralytics-sync-bn", "8.0.35") == "would-apply"
    assert outcome("ppyoloe-masked-select", "2.3.0") == "not-applicable"
    assert outcome("ppyoloe-masked-select", "2.4.0") == outcome("ppyoloe-masked-select", "2.6.0") == "would-apply"
    assert outcome("retinanet-label-guard", "0.29.1") == "would-apply"


# --- writing the table -----------------------------------------------------------------------------------------------


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    pack = Pack(tmp_path / "packs")
    pack.add("third-one", "v8DetectionLoss.preprocess")
    wheel("ultralytics==8.2.50")
    return pack


def test_the_table_is_written_into_the_room_and_its_forms_are_known_from_then_on(pack: Pack, patchkit: Run) -> None:
    env, table = {**ENV, **pack.env}, pack.module / "third_one/tested.json"
    first = patchkit("matrix", "third-one", "--versions", "8.2.50", env=env)
    assert first.code == 0
    assert "ultralytics 8.2.50: would-apply\n" in first.out
    assert "ultralytics/utils/loss.py  v8DetectionLoss.preprocess  pristine  " in first.out
    assert first.out.endswith(" new\n")
    assert "wrote the table of third-one" in first.err
    written = json.loads(table.read_bytes())
    assert written["rows"][0]["releases"] == ["8.2.50"]

    again = patchkit("matrix", "third-one", "--versions", "8.2.50", env=env)
    assert again.out.endswith(" known\n")
    assert again.err == ""
    more = patchkit("matrix", "third-one", "--versions", "8.1.0", "--format", "json", env=env)
    assert more.json["releases"] == [
        {"distribution": "ultralytics", "version": "8.1.0", "outcome": "not-applicable", "sites": []}
    ]
    assert [row["releases"] for row in json.loads(table.read_bytes())["rows"]] == [["8.1.0"], ["8.2.50"]]


def test_check_writes_nothing_and_exits_1_where_the_table_is_not_what_is_found(pack: Pack, patchkit: Run) -> None:
    env, table = {**ENV, **pack.env}, pack.module / "third_one/tested.json"
    assert patchkit("matrix", "third-one", "--versions", "8.2.50", "--check", env=env).code == 1
    assert not table.exists()
    assert patchkit("matrix", "third-one", "--versions", "8.2.50", env=env).code == 0
    assert patchkit("matrix", "third-one", "--check", env=env).code == 0
    table.write_text(table.read_text().replace('"pristine"', '"applied"'))
    before = table.read_bytes()
    assert patchkit("matrix", "third-one", "--check", env=env).code == 1
    assert table.read_bytes() == before


def test_a_conflict_is_shown_and_not_written(pack: Pack, patchkit: Run) -> None:
    room = pack.module / "third_one"
    (room / "patch.yaml").write_text((room / "patch.yaml").read_text().replace(".preprocess", ".renamed"))
    pack.add("third-two", "v8DetectionLoss.preprocess")
    manifest = pack.module / "third_two/patch.yaml"
    manifest.write_text(manifest.read_text() + "      - {file: ultralytics/utils/loss.py, symbol: Gone.away}\n")
    answer = patchkit("matrix", "third-two", "--versions", "8.2.50", env={**ENV, **pack.env})
    assert answer.code == 2
    assert "ultralytics 8.2.50: conflict" in answer.out
    assert "Gone.away  missing" in answer.out
    assert "not written" in answer.err
    assert not (pack.module / "third_two/tested.json").exists()


def test_a_damaged_table_is_an_error_that_names_it(pack: Pack, patchkit: Run) -> None:
    (pack.module / "third_one/tested.json").write_text("{}")
    assert_refused(patchkit("matrix", "third-one", "--check", env={**ENV, **pack.env}), "third_one/tested.json")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("no-such-patch",), ("no patch is called",)),
        (("cross-entropy-ignore-index",), ("no releases to test", "source trees")),
        (("yolov10-dfl", "--versions", ""), ("names no release", "a range")),
        (("yolov10-dfl", "--versions", " , "), ("names no release",)),
        (("yolov10-dfl", "--versions", "eight"), ("--versions eight", "a range")),
        (("yolov10-dfl", "--versions", "8.0.999999"), ("pip does not give ultralytics 8.0.999999",)),
        (("yolov10-dfl", "--versions", ">=99"), ("no release of ultralytics is within >=99",)),
    ],
)
def test_what_cannot_be_tested_is_refused_with_the_next_step(
    arguments: tuple[str, ...], words: tuple[str, ...], patchkit: Run
) -> None:
    assert_refused(patchkit("matrix", *arguments, env=ENV), *words)


def test_a_range_is_asked_of_the_package_index(patchkit: Run) -> None:
    answer = patchkit(
        "matrix", "ppyoloe-masked-select", "--versions", ">=2.3,<2.5", "--check", "--format", "json", env=ENV
    )
    assert [(release["version"], release["outcome"]) for release in answer.json["releases"]] == [
        ("2.3.0", "not-applicable"),
        ("2.4.0", "would-apply"),
    ]
