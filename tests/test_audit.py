"""`audit` as users run it: what it finds, prints, fixes and refuses."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from patchkit.rule import load_rules
from tests.conftest import REPOSITORY, Answer, snapshot, wheel
from tests.support import assert_refused

Run = Callable[..., Answer]
X = "model: yolov10x.yaml\ndata: coco.yaml\nbatch: 256\n"
MODEL = (
    "nc: 80\nscales:\n  x: [1.0, 1.25, 512]\n"
    "backbone:\n  - [-1, 1, Conv, [64, 3, 2]]\nhead:\n  - [[0], 1, v10Detect, [nc]]\n"
)


@pytest.fixture
def packages(tmp_path: Path) -> Callable[[str], Path]:
    """The cfg folder of a real release, as a folder of packages has it."""

    def build(version: str) -> Path:
        root = tmp_path / f"packages-{version}"
        with zipfile.ZipFile(wheel(f"ultralytics=={version}")) as archive:
            names = [name for name in archive.namelist() if "/cfg/" in name or ".dist-info/" in name]
            archive.extractall(root, names)
        return root

    return build


def saved(folder: Path, text: str | bytes, name: str = "train.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rules(answer: Answer) -> list[str]:
    return sorted(finding["rule"] for finding in answer.json["findings"])


# --- what the article is about ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["8.2.50", "8.3.200", "8.4.190"])
def test_the_recipe_of_x_on_eight_gpus_is_found_and_fixed(
    version: str, packages: Callable[[str], Path], tmp_path: Path, patchkit: Run
) -> None:
    path, target = saved(tmp_path, X), ("--site-packages", packages(version))
    found = patchkit("audit", path, "--gpus", "8", *target, "--format", "json")
    assert found.code == 1
    assert found.json["subject"] == {
        "path": str(path), "kind": "ultralytics", "model": "yolov10x", "release": version
    }  # fmt: skip
    assert rules(found) == [
        "copy-paste-for-size",
        "epochs-not-in-recipe",
        "lr0-not-linear",
        "mixup-for-size",
        "optimizer-auto",
        "scale-for-size",
    ]
    assert all(finding["evidence"] for finding in found.json["findings"])
    assert found.json["counts"] == {"error": 0, "warning": 6, "note": 0}

    fixed = patchkit("audit", path, "--gpus", "8", *target, "--fix", "--unsafe-fixes")
    assert fixed.code == 0, fixed.out
    values = yaml.safe_load(path.read_text())
    wanted = {"scale": 0.9, "mixup": 0.15, "copy_paste": 0.3, "optimizer": "SGD", "lr0": 0.016, "epochs": 500}
    assert {key: values[key] for key in wanted} == wanted
    assert path.read_text().startswith(X), "what stood there stays"
    before = path.read_bytes()
    assert patchkit("audit", path, "--gpus", "8", *target, "--fix").code == 0
    assert path.read_bytes() == before


def test_unsafe_fixes_are_left_out_unless_they_are_asked_for(tmp_path: Path, patchkit: Run) -> None:
    path = saved(tmp_path, X)
    answer = patchkit("audit", path, "--gpus", "8", "--fix", "--format", "json")
    assert answer.code == 1
    assert rules(answer) == ["epochs-not-in-recipe"]
    assert "epochs" not in yaml.safe_load(path.read_text())


def test_a_model_yaml_is_never_touched_and_gets_a_training_configuration_beside_it(
    tmp_path: Path, patchkit: Run
) -> None:
    path = saved(tmp_path, MODEL, "yolov10x.yaml")
    found = patchkit("audit", path, "--gpus", "8")
    assert "it holds no training options, so the defaults were audited" in found.out
    shown = patchkit("audit", path, "--gpus", "8", "--diff")
    assert "+scale: 0.9\n" in shown.out
    assert [item.name for item in tmp_path.glob("*.yaml")] == ["yolov10x.yaml"]

    patchkit("audit", path, "--gpus", "8", "--fix", "--unsafe-fixes")
    assert path.read_text() == MODEL
    made = tmp_path / "yolov10x.train.yaml"
    assert yaml.safe_load(made.read_text())["model"] == path.as_posix()
    assert yaml.safe_load(made.read_text())["scale"] == 0.9
    again = patchkit("audit", path, "--gpus", "8", "--format", "json")
    assert "what it is trained with is in yolov10x.train.yaml beside it" in again.err
    assert again.json["subject"]["path"] == str(made)


def test_a_model_yaml_is_fixed_for_the_batch_that_is_said(tmp_path: Path, patchkit: Run) -> None:
    path = saved(tmp_path, MODEL, "yolov10x.yaml")
    patchkit("audit", path, "--gpus", "8", "--batch", "256", "--fix", "--unsafe-fixes")
    made = yaml.safe_load((tmp_path / "yolov10x.train.yaml").read_text())
    wanted = {"batch": 256, "scale": 0.9, "mixup": 0.15, "copy_paste": 0.3, "optimizer": "SGD", "lr0": 0.016}
    assert {key: made[key] for key in wanted} == wanted
    assert patchkit("audit", path, "--gpus", "8").code == 0
    assert patchkit("audit", path, "--gpus", "8", "--batch", "256", "--fix").code == 0
    assert_refused(patchkit("audit", path, "--gpus", "8", "--batch", "64"), "sets the batch itself")


def test_what_is_wrong_in_a_model_yaml_stays_wrong_beside_its_training_configuration(
    tmp_path: Path, patchkit: Run
) -> None:
    path = saved(tmp_path, MODEL + "lr0: 0.5\n", "yolov10x.yaml")
    for arguments in (("--batch", "256", "--fix", "--unsafe-fixes"), ()):
        answer = patchkit("audit", path, "--gpus", "8", *arguments)
        assert answer.code == 1
        assert "[hyperparameter-in-model-yaml]" in answer.out
    assert path.read_text() == MODEL + "lr0: 0.5\n"


def test_the_training_configuration_of_another_model_is_neither_audited_nor_written_over(
    tmp_path: Path, patchkit: Run
) -> None:
    path = saved(tmp_path, MODEL, "yolov10x.yaml")
    other = saved(tmp_path, "model: yolov10n.yaml\n", "yolov10x.train.yaml")
    assert patchkit("audit", path, "--gpus", "8", "--format", "json").json["subject"]["model"] == "yolov10x"
    assert_refused(patchkit("audit", path, "--gpus", "8", "--fix"), "is there already, and not written over")
    assert other.read_text() == "model: yolov10n.yaml\n"


def test_a_link_stays_and_what_it_leads_to_is_fixed(tmp_path: Path, patchkit: Run) -> None:
    path = saved(tmp_path, X + "epochs: 500\n")
    link = tmp_path / "link.yaml"
    link.symlink_to(path.name)
    assert patchkit("audit", link, "--gpus", "8", "--fix").code == 0
    assert link.is_symlink()
    assert yaml.safe_load(path.read_text())["scale"] == 0.9


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("  model: yolov10x.yaml\n  epochs: 500\n", "  scale: 0.9\n"),
        ("model: yolov10x.yaml\nepochs: 500\nscale: >-\n  0.5\n", "scale: 0.9\n"),
        ("---\nmodel: yolov10x.yaml\nepochs: 500\n...\n", "scale: 0.9\n...\n"),
        ("model: yolov10x.yaml\nepochs: 500\nscale:\n  0.5\nval: true\n", "scale: 0.9\nval: true\n"),
    ],
)
def test_a_fix_is_written_in_the_form_of_the_file(tmp_path: Path, patchkit: Run, text: str, after: str) -> None:
    path = saved(tmp_path, text)
    answer = patchkit("audit", path, "--select", "scale-for-size", "--fix")
    assert answer.code == 0, answer.err
    assert path.read_text().endswith(after)
    assert yaml.safe_load(path.read_text())["scale"] == 0.9


@pytest.mark.parametrize(
    "text",
    [
        "# a comment\n{model: yolov10x.yaml, scale: 0.5}\n",
        "--- {model: yolov10x.yaml, scale: 0.5}\n",
        "model: yolov10x.yaml\nscale: &s 0.5\naugmentations: [*s]\n",
    ],
)
def test_a_fix_that_cannot_be_written_is_refused_and_says_what_to_do(tmp_path: Path, patchkit: Run, text: str) -> None:
    path = saved(tmp_path, text)
    assert patchkit("audit", path, "--select", "scale-for-size").code == 1
    assert_refused(patchkit("audit", path, "--select", "scale-for-size", "--fix"), str(path))
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--fix", "--diff"), "--fix writes and --diff only shows"),
        (("--diff", "--format", "sarif"), "--diff has no sarif form"),
        (("--release", "latest"), "--release latest: no version"),
        (("--release", "9.9.9"), "--release 9.9.9: options are known up to 8.4"),
        (("--recipe", "yolov10z"), "no recipe is called 'yolov10z'"),
        (("--recipe", "yolov10xx"), "no recipe is called 'yolov10xx'"),
    ],
)
def test_options_that_do_not_go_together_or_name_nothing_are_refused(
    tmp_path: Path, patchkit: Run, arguments: tuple[str, ...], words: str
) -> None:
    path = saved(tmp_path, X)
    assert_refused(patchkit("audit", path, *arguments), words)
    assert path.read_text() == X


def test_a_diff_can_be_had_as_json(tmp_path: Path, patchkit: Run) -> None:
    answer = patchkit("audit", saved(tmp_path, X), "--gpus", "8", "--diff", "--format", "json")
    assert answer.code == 1
    assert "+scale: 0.9\n" in answer.json["diff"]


def test_words_in_a_value_silence_nothing(tmp_path: Path, patchkit: Run) -> None:
    path = saved(
        tmp_path, X + "name: |\n  # patchkit: ignore[scale-for-size]\nproject: 'a # patchkit: ignore[amp-off]'\n"
    )
    assert "[scale-for-size]" in patchkit("audit", path, "--gpus", "8").out


def test_links_that_lead_to_themselves_are_refused(tmp_path: Path, patchkit: Run) -> None:
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop.name)
    assert_refused(patchkit("audit", loop), "Too many levels of symbolic links")
    model = saved(tmp_path, MODEL, "yolov10x.yaml")
    (tmp_path / "yolov10x.train.yaml").symlink_to("yolov10x.train.yaml")
    assert_refused(patchkit("audit", model, "--gpus", "8", "--fix"), "Too many levels of symbolic links")


def test_an_audit_without_a_rule_is_refused(tmp_path: Path, patchkit: Run) -> None:
    path = saved(tmp_path, X)
    assert_refused(patchkit("audit", path, "--select", "amp-off", "--ignore", "amp-off"), "no rule is left")
    assert_refused(patchkit("audit", path, "--select", "base-lr-not-linear"), "no rule is left")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, patchkit: Run) -> None:
    pipe = tmp_path / "train.yaml"
    os.mkfifo(pipe)
    assert_refused(patchkit("audit", pipe), "not a regular file")


def test_training_options_in_a_model_yaml_are_an_error(tmp_path: Path, patchkit: Run) -> None:
    path = saved(tmp_path, f"lr0: 0.01\nmixup: 0.1\n{MODEL}", "yolov10x.yaml")
    answer = patchkit("audit", path, "--gpus", "8", "--format", "json", "--select", "hyperparameter-in-model-yaml")
    assert [finding["severity"] for finding in answer.json["findings"]] == ["error", "error"]


def test_without_a_recipe_the_general_rules_run_and_the_report_says_so(tmp_path: Path, patchkit: Run) -> None:
    path = saved(tmp_path, "model: yolo11n.yaml\nbatch: 250\nlr0: 1e-2\nepoch: 3\ndevice: [0, 1, 2]\n")
    answer = patchkit("audit", path, "--gpus", "8")
    assert answer.code == 1
    assert "no recipe is known for it" in answer.out
    for rule in ("batch-not-divisible", "option-of-wrong-type", "unknown-option", "device-count-differs"):
        assert f"[{rule}]" in answer.out


def test_a_recipe_of_ones_own_is_a_file(tmp_path: Path, patchkit: Run) -> None:
    recipe = saved(
        tmp_path,
        "name: ours\nmodels: 'yolo11([nx])'\nsource: our notes\nvalues: {optimizer: SGD, lr0: 0.02, mosaic: 0.5}\n"
        "sizes: {mixup: {n: 0.0, x: 0.2}}\nbatch: 128\n",
        "ours.yaml",
    )
    path = saved(tmp_path, "model: yolo11x.yaml\nbatch: 256\noptimizer: SGD\n")
    answer = patchkit("audit", path, "--recipe", recipe, "--format", "json")
    messages = " ".join(finding["message"] for finding in answer.json["findings"])
    assert "mixup is 0.0" in messages
    assert "0.02 * 256 / 128 = 0.04" in messages


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: ours\nvalue: {}\n", "a recipe has no 'value'"),
        ("name: ours\nmodels: 'yolo11([nx])'\nsource: notes\nbatch: 8\n", "not a recipe: it has no 'values'"),
        ("name: ours\nmodels: '('\nsource: notes\nbatch: 8\nvalues: {}\n", "not a recipe"),
        ("name: ours\nmodels: 'yolo11([nx])'\nsource: notes\nbatch: many\nvalues: {}\n", "not a recipe"),
        ("- a\n", "not a mapping"),
        ("name: o\nmodels: 'yolo11([nx])'\nsource: s\nbatch: 8\nvalues: {lr0: 1e-2}\n", "lr0 is '1e-2'"),
        ("name: o\nmodels: 'yolo11([nx])'\nsource: s\nbatch: 8\nvalues: {lr_0: 0.1}\n", "has no option lr_0"),
        ("name: o\nmodels: 'yolo11([nx])'\nsource: s\nbatch: 0\nvalues: {}\n", "batch is 0"),
        ("name: o\nmodels: 'yolo11([nx])'\nsource: s\nbatch: 8\nvalues: {}\nsizes: 3\n", "not a recipe"),
        ("name: o\nmodels: 'yolov8n'\nsource: s\nbatch: 8\nvalues: {}\n", "the model is yolo11x"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, patchkit: Run, text: str, words: str) -> None:
    path = saved(tmp_path, "model: yolo11x.yaml\nbatch: 256\n")
    assert_refused(patchkit("audit", path, "--recipe", saved(tmp_path, text, "ours.yaml")), words)


# --- how it is asked -------------------------------------------------------------------------------------------------


def test_rules_are_selected_ignored_and_silenced_in_the_file(tmp_path: Path, patchkit: Run) -> None:
    path = saved(
        tmp_path, X + "scale: 0.5 # patchkit: ignore[scale-for-size]\n# patchkit: ignore[epochs-not-in-recipe]\n"
    )
    found = rules(patchkit("audit", path, "--gpus", "8", "--format", "json"))
    assert "scale-for-size" not in found
    assert "epochs-not-in-recipe" not in found
    assert rules(patchkit("audit", path, "--select", "mixup-for-size", "--format", "json")) == ["mixup-for-size"]
    assert "mixup-for-size" not in rules(patchkit("audit", path, "--ignore", "mixup-for-size", "--format", "json"))
    assert_refused(patchkit("audit", path, "--select", "mixup-for-sizes"), "no rule is called", "mixup-for-size'?")


def test_a_baseline_silences_what_was_there_before(tmp_path: Path, patchkit: Run) -> None:
    path = saved(tmp_path, X)
    baseline = saved(tmp_path, patchkit("audit", path, "--gpus", "8", "--format", "json").out, "baseline.json")
    assert patchkit("audit", path, "--gpus", "8", "--baseline", baseline).code == 0
    path.write_text(X + "optimizer: Adam\n")
    assert "optimizer-not-in-recipe" in rules(
        patchkit("audit", path, "--gpus", "8", "--baseline", baseline, "--format", "json")
    )
    assert_refused(patchkit("audit", path, "--baseline", path), "not the JSON of an audit")


def test_a_project_keeps_its_options_in_pyproject(tmp_path: Path, patchkit: Run) -> None:
    path = saved(tmp_path, X)
    saved(
        tmp_path,
        '[tool.patchkit.audit]\ngpus = 8\nfail-on = "error"\nignore = ["epochs-not-in-recipe"]\n',
        "pyproject.toml",
    )
    answer = patchkit("audit", path, "--format", "json")
    assert answer.code == 0
    assert "epochs-not-in-recipe" not in rules(answer)
    assert patchkit("audit", path, "--fail-on", "warning").code == 1, "the command line wins"
    for text, words in (("gpu = 8", "no option 'gpu'"), ('gpus = "8"', "wrong type"), ("gpus = ", "pyproject.toml")):
        saved(tmp_path, f"[tool.patchkit.audit]\n{text}\n", "pyproject.toml")
        assert_refused(patchkit("audit", path), words)


@pytest.mark.parametrize(("level", "code"), [("error", 0), ("warning", 1), ("note", 1)])
def test_the_exit_code_counts_from_the_level_that_is_asked_for(
    level: str, code: int, tmp_path: Path, patchkit: Run
) -> None:
    assert patchkit("audit", saved(tmp_path, X), "--gpus", "8", "--fail-on", level).code == code


def test_gpus_come_from_the_device_unless_they_are_given(tmp_path: Path, patchkit: Run) -> None:
    path = saved(tmp_path, "model: yolov10x.yaml\nbatch: 250\ndevice: [0, 1, 2, 3]\n")
    assert "batch-not-divisible" in rules(patchkit("audit", path, "--format", "json"))
    assert "batch-not-divisible" not in rules(patchkit("audit", path, "--gpus", "5", "--format", "json"))


def test_the_learning_rate_is_kept_or_scaled_as_asked(tmp_path: Path, patchkit: Run) -> None:
    path = saved(tmp_path, X + "optimizer: SGD\n")
    assert "lr0-not-linear" not in rules(patchkit("audit", path, "--lr-policy", "keep", "--format", "json"))
    capped = patchkit("audit", path, "--base-lr", "0.01", "--base-batch", "32", "--max-lr", "0.03", "--format", "json")
    assert any("capped at 0.03" in finding["message"] for finding in capped.json["findings"])


def test_the_readme_lists_every_rule() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    for package in ("patchkit.rules.config", "patchkit.rules.paddle"):
        for rule in load_rules(package):
            title = rule.documentation.strip().splitlines()[0].rstrip(".")
            assert f"| `{rule.id}` | {rule.severity.value} | {title} |\n" in readme


def test_explain_tells_the_whole_story_of_a_rule(patchkit: Run) -> None:
    text = " ".join(patchkit("explain", "lr0-not-linear").out.split())
    assert "multiplies the loss by the batch" in text
    assert "batch 160 for X" in text
    assert_refused(patchkit("explain", "lr0-not-lineal"), "no rule and no patch")


@pytest.mark.parametrize("format", ["sarif", "github", "junit"])
def test_the_formats_of_continuous_integration_keep_the_exit_code(format: str, tmp_path: Path, patchkit: Run) -> None:
    answer = patchkit("audit", saved(tmp_path, X), "--gpus", "8", "--format", format)
    assert answer.code == 1
    assert "scale-for-size" in answer.out
    if format == "sarif":
        assert json.loads(answer.out)["version"] == "2.1.0"


# --- bad input -------------------------------------------------------------------------------------------------------

BAD = {
    "empty": (b"", "the file is empty"),
    "comments": (b"# nothing\n", "the file is empty"),
    "list": (b"- a\n- b\n", "not a mapping"),
    "scalar": (b"hello\n", "not a mapping"),
    "tabs": (b"lr0:\t0.1\n\tmixup: 1\n", "not valid YAML"),
    "broken": (b"a: [1\n", "not valid YAML"),
    "latin-1": ("# größe\nlr0: 1\n".encode("latin-1"), "not UTF-8"),
    "nul": (b"lr0: 1\x00\n", "not valid YAML"),
    "data set": (b"train: a\nval: b\nnames: [x]\n", "looks like a data set"),
    "other": (b"hello: world\n", "none of its keys is an option"),
    "large": (b"# " + b"x" * (11 << 20) + b"\nlr0: 1\n", "larger than 1 MiB"),
    "laughs": (
        b"a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
        b"c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
        b"e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nlr0: [*e, *e, *e, *e]\n",
        "aliases",
    ),
    "recursive": (b"lr0: &a [*a]\n", "aliases"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_configuration_is_refused_and_left_as_it_is(case: str, tmp_path: Path, patchkit: Run) -> None:
    data, words = BAD[case]
    path = saved(tmp_path, data)
    before = snapshot(tmp_path)
    for options in ((), ("--fix",)):
        assert_refused(patchkit("audit", path, "--gpus", "8", *options), words, "train.yaml")
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--gpus", "0"), "--gpus 0"),
        (("--gpus", "-1"), "--gpus -1"),
        (("--nodes", "0"), "--nodes 0"),
        (("--recipe", "yolov99"), "no recipe is called 'yolov99'"),
        (("--recipe", "no.yaml"), "no.yaml"),
        (("--images", "0"), "--images 0"),
        (("--max-lr", "nan"), "--max-lr nan"),
        (("--release", "7.0"), "no options are known"),
    ],
)
def test_what_cannot_be_asked_is_refused(arguments: tuple[str, ...], words: str, tmp_path: Path, patchkit: Run) -> None:
    assert_refused(patchkit("audit", saved(tmp_path, X), *arguments), words)


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path: Path, patchkit: Run) -> None:
    assert_refused(patchkit("audit", tmp_path / "no.yaml"), "no.yaml")
    assert_refused(patchkit("audit", tmp_path), str(tmp_path))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_a_fix_keeps_comments_order_quotes_and_line_ends(
    mark: bytes, newline: bytes, tmp_path: Path, patchkit: Run
) -> None:
    text = (
        b"# \xe8\xae\xad\xe7\xbb\x83\n\nmodel: 'yolov10x.yaml'   # the model\nscale:   0.5 # too small\nbatch: 256\n"
        b"epochs: 500\noptimizer: SGD\nlr0: !!float 0.016\nmixup: 0.15\ncopy_paste: &p 0.1\ndegrees: *p\n"
    )
    path = saved(tmp_path, mark + text.replace(b"\n", newline))
    assert patchkit("audit", path, "--gpus", "8", "--fix").code == 0
    expected = text.replace(b"scale:   0.5", b"scale:   0.9").replace(b"&p 0.1", b"&p 0.3").replace(b"*p", b"0.1")
    assert path.read_bytes() == mark + expected.replace(b"\n", newline)


VALUES = st.one_of(
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=3),
)
OPTIONS = [
    "batch",
    "lr0",
    "lrf",
    "scale",
    "mixup",
    "optimizer",
    "epochs",
    "nbs",
    "device",
    "warmup_epochs",
    "imgsz",
    "amp",
    "val",
]


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(OPTIONS), VALUES, max_size=5))
def test_whatever_the_values_are_the_answer_is_a_report_or_a_refusal_and_fixes_settle(
    values: dict[str, object],
) -> None:
    from patchkit.audit.request import Request
    from patchkit.audit.run import audit_file, fixed
    from patchkit.audit.ultralytics import Ultralytics
    from patchkit.subjects.fixing import applicable
    from patchkit.subjects.release import known_release
    from patchkit.subjects.yaml_file import parse_yaml

    source = yaml.safe_dump({"model": "yolov10x.yaml", **values}, allow_unicode=True).encode()
    request = Request(gpus=8)
    audited = audit_file(parse_yaml(source, Path("t.yaml")), Ultralytics(known_release(None)), request)
    done = fixed(audited, request, unsafe=True)
    assert not applicable(done.left.report.findings, unsafe=True)
    yaml.safe_load(done.after)


@pytest.mark.parametrize("listed", [True, False], ids=["a list of images", "a folder"])
def test_images_are_counted_by_the_data_yaml(tmp_path: Path, listed: bool, patchkit: Run) -> None:
    images = tmp_path / "coco" / "images"
    images.mkdir(parents=True)
    for number in range(20):
        (images / f"{number}.JPG").write_bytes(b"")
    (images / "notes.txt").write_text("no image")
    (tmp_path / "coco" / "train.txt").write_text("".join(f"./images/{number}.JPG\n" for number in range(20)))
    (tmp_path / "coco.yaml").write_text(f"path: coco\ntrain: {'train.txt' if listed else 'images'}\nval: images\n")
    (tmp_path / "train.yaml").write_text("model: yolov10x.yaml\ndata: coco.yaml\nbatch: 8\nepochs: 500\n")

    result = patchkit(
        "audit", tmp_path / "train.yaml", "--select", "warmup-below-100-iterations", "--release", "8.4.190"
    )

    assert "20 images, batch 8" in result.out


@pytest.mark.parametrize(
    "data",
    ["missing.yaml", "list.yaml", "gone.yaml", "coco.zip"],
)
def test_images_that_are_not_there_are_not_counted(tmp_path: Path, data: str, patchkit: Run) -> None:
    (tmp_path / "list.yaml").write_text("- train\n")
    (tmp_path / "gone.yaml").write_text("path: /nowhere\ntrain: [a, b]\n")
    (tmp_path / "train.yaml").write_text(f"model: yolov10x.yaml\ndata: {data}\nbatch: 8\nepochs: 500\n")

    result = patchkit(
        "audit", tmp_path / "train.yaml", "--select", "warmup-below-100-iterations", "--release", "8.4.190"
    )

    assert "skipped [warmup-below-100-iterations]" in result.out
    assert result.code == 0


def test_every_value_of_a_recipe_of_ones_own_is_compared(tmp_path: Path, patchkit: Run) -> None:
    recipe = saved(
        tmp_path,
        "name: ours\nmodels: 'yolo11([nx])'\nsource: our notes\nbatch: 128\n"
        "values: {imgsz: 1280, cos_lr: true, fliplr: 0}\n",
        "ours.yaml",
    )
    path = saved(tmp_path, "model: yolo11x.yaml\nbatch: 128\noptimizer: SGD\nfliplr: 0.0\n")
    fixed = patchkit("audit", path, "--recipe", recipe, "--fix")
    assert fixed.code == 0, fixed.out
    assert yaml.safe_load(path.read_text()) == {
        "model": "yolo11x.yaml", "batch": 128, "optimizer": "SGD", "fliplr": 0.0, "imgsz": 1280, "cos_lr": True
    }  # fmt: skip


def test_every_option_of_the_bundled_recipe_has_a_rule_of_its_own() -> None:
    from patchkit.recipes import find_recipe
    from patchkit.rules.config.option_not_in_recipe import COVERED

    recipe = find_recipe("yolov10x", None)
    assert recipe is not None
    assert set(recipe.values) == COVERED
