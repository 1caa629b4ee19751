"""The short recipes of the README: images made with pip, uv and conda.

uv is the real one. conda is on no index that these tests use: its stand-in makes an environment of conda's form, with a
Python of its own, conda-meta, and packages that are hard links into the cache of packages.
"""

import pytest

from image_tests.buildah import Store
from image_tests.readme import WITH_CONDA, WITH_PIP, WITH_UV

LOSS = "ultralytics/utils/loss.py"
UNPATCHED = "^ *pred_dist = .*matmul"  # two lines of ultralytics 8.2.50
SITES = {
    "pip": "/usr/local/lib/python3.11/dist-packages",
    "uv": "/opt/train/lib/python3.11/site-packages",
    "conda": "/opt/conda/envs/train/lib/python3.11/site-packages",
}
RECIPES = {"pip": WITH_PIP, "uv": WITH_UV, "conda": WITH_CONDA}


@pytest.mark.parametrize("name", list(RECIPES))
def test_the_recipe_gives_a_patched_image(name: str, images: Store) -> None:
    build = images.built(RECIPES[name], f"localhost/recipe-{name}:latest")
    file = f"{SITES[name]}/{LOSS}"
    assert images.run(build.tag, f"id -u; grep -c '{UNPATCHED}' {file}; true").stdout == "1000\n0\n"
    with images.container(build.tag) as container:
        receipt = images.run_in(container, f"ls {SITES[name]}/.patchkit/ {SITES[name]}/ultralytics-8.2.50.dist-info/")
    assert "patchkit.json" in receipt.stdout
    left = images.run(build.tag, "find / -xdev -name 'patchkit*' -not -path '/proc/*' 2>/dev/null; true").stdout.split()
    if name == "conda":
        cached = f"/opt/conda/pkgs/ultralytics-8.2.50/lib/python3.11/site-packages/{LOSS}"
        assert images.run(build.tag, f"grep -c '{UNPATCHED}' {cached}").stdout.strip() == "2"
    else:
        assert left == [f"{SITES[name]}/ultralytics-8.2.50.dist-info/patchkit.json"]
    images.buildah("rmi", "--force", build.tag)
