"""Every layout of ultralytics, from real wheels: the right outcome, the right sites, and bytes that come back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Answer, snapshot

OLD = "ultralytics/yolo/v8/detect/train.py"
MIDDLE = "ultralytics/yolo/utils/loss.py"
NEW = "ultralytics/utils/loss.py"
DETECTION, OBB = "v8DetectionLoss.bbox_decode", "v8OBBLoss.bbox_decode"

RELEASES = {
    "8.0.0": [(OLD, "Loss.bbox_decode", 147)],
    "8.0.110": [(OLD, "Loss.bbox_decode", 182)],
    "8.0.111": [(MIDDLE, DETECTION, 126)],
    "8.0.135": [(MIDDLE, DETECTION, 150)],
    "8.0.136": [(NEW, DETECTION, 150)],
    "8.0.234": [(NEW, DETECTION, 159)],
    "8.0.235": [(NEW, DETECTION, 183), (NEW, OBB, 657)],
    "8.1.34": [(NEW, DETECTION, 191), (NEW, OBB, 714)],
    "8.2.38": [(NEW, DETECTION, 192), (NEW, OBB, 715)],
    "8.3.200": [(NEW, DETECTION, 240), (NEW, OBB, 776)],
    "8.4.0": [(NEW, DETECTION, 383), (NEW, OBB, 1076)],
}


@pytest.mark.parametrize("version", RELEASES)
def test_every_layout_is_patched_at_its_sites_and_reverted_byte_for_byte(
    version: str, unpacked: Callable[[str], Path], patchkit: Callable[..., Answer]
) -> None:
    site = unpacked(f"ultralytics=={version}")
    before = snapshot(site)

    applied = patchkit("apply", "yolov10-dfl", "--site-packages", site, "--format", "json")

    assert (applied.code, applied.outcomes) == (0, ["applied"])
    result = applied.json["results"][0]
    assert result["message"] == "", "a form of a tested release is reported as untested"
    assert [
        (file["path"], found["symbol"], found["line"]) for file in result["files"] for found in file["sites"]
    ] == RELEASES[version]
    for path, _, line in RELEASES[version]:
        lines = (site / path).read_text().splitlines()
        assert ".softmax(3) * self.proj.type(pred_dist.dtype).view(1, 1, 1, -1)).sum(3)" in lines[line - 1]
        if "matmul" in lines[line]:
            assert lines[line].lstrip().startswith("# pred_dist ="), "the commented-out copies stay"
    assert patchkit("verify", "--site-packages", site).code == 0

    assert patchkit("revert", "yolov10-dfl", "--site-packages", site).code == 0
    assert snapshot(site) == before


def test_the_newest_release_is_patched(unpacked: Callable[[str], Path], patchkit: Callable[..., Answer]) -> None:
    site = unpacked("ultralytics")
    answer = patchkit("apply", "yolov10-dfl", "--site-packages", site, "--format", "json")
    assert (answer.code, answer.outcomes) == (0, ["applied"])
    symbols = [found["symbol"] for file in answer.json["results"][0]["files"] for found in file["sites"]]
    assert symbols == [DETECTION, OBB]


def test_a_release_without_a_trainer_is_not_applicable(
    unpacked: Callable[[str], Path], patchkit: Callable[..., Answer]
) -> None:
    site = unpacked("ultralytics==0.0.44")
    before = snapshot(site)
    answer = patchkit("apply", "yolov10-dfl", "--site-packages", site, "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["not-applicable"])
    assert "0.0.44" in answer.json["results"][0]["message"]
    assert snapshot(site) == before
