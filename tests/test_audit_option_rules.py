"""The rules on options that need no recipe: on their examples, and against the checks of real releases."""

import ast
import importlib
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from patchkit.findings import Finding, Severity, Skipped
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule, run
from patchkit.subjects.config import MODEL, TRAIN, load_config
from patchkit.subjects.fixing import fixed_file, train_file
from patchkit.subjects.release import Release, installed_release, known_release
from patchkit.subjects.yaml_file import parse_yaml
from tests.conftest import wheel

NAMES = [
    "amp_off",
    "autobatch_on_several_gpus",
    "batch_not_divisible",
    "batchnorm_batch_small",
    "checkpoints_not_saved",
    "device_count_differs",
    "hyperparameter_in_model_yaml",
    "model_unknown",
    "option_given_twice",
    "option_not_in_recipe",
    "option_of_wrong_type",
    "option_out_of_range",
    "optimizer_unknown",
    "sync_bn_refused",
    "unknown_option",
    "validation_off",
    "validation_rare",
]
RULES: dict[str, Rule] = {name: importlib.import_module(f"patchkit.rules.config.{name}").RULE for name in NAMES}
EXAMPLES = [(rule, example) for rule in RULES.values() for example in rule.examples if "release" not in example.options]
NEWEST = known_release(None)
WHEELS = [
    *("8.0.35", "8.0.100", "8.0.136", "8.0.220", "8.1.0", "8.1.34", "8.2.0", "8.2.50"),
    *("8.3.0", "8.3.200", "8.4.0", "8.4.60", "8.4.100", "8.4.115", "8.4.150", "8.4.190"),
]
HEAD = "nc: 80\nbackbone: []\nhead: []\n"


def found(
    rule: Rule | str, text: str, release: Release | str = NEWEST, name: str = "yolov10x.yaml", **options: Any
) -> tuple[Finding, ...]:
    rule = RULES[rule] if isinstance(rule, str) else rule
    release = known_release(release) if isinstance(release, str) else release
    config = load_config(parse_yaml(text.encode(), Path(name)), release, None)
    return run([rule], config, Surroundings(**{"gpus_are_given": "gpus" in options, **options})).findings


def mended(text: str, findings: tuple[Finding, ...]) -> str:
    return fixed_file(parse_yaml(text.encode(), Path("train.yaml")), findings).decode()


def only(findings: tuple[Finding, ...]) -> Finding:
    (finding,) = findings
    return finding


def test_every_rule_says_what_why_and_from_where() -> None:
    for rule in RULES.values():
        for part in ("What ", "Why ", "Example ", "Fix safety ", "References "):
            assert f"\n{part}" in rule.documentation, rule.id


TAKEN = [(version, "epochs: 500\nlabel_smoothing: 0.1\n") for version in ("8.2.50", "8.0.114")]  # not yet dropped


@pytest.mark.parametrize("version", [None, "8.2.50", "8.0.114"])
@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=lambda value: getattr(value, "id", None))
def test_an_example_is_found_and_its_fix_silences_the_rule(rule: Rule, example: Example, version: str | None) -> None:
    release = known_release(version)
    findings = found(rule, example.bad, release, **example.options)
    if (version, example.bad) in TAKEN:
        assert not findings
        return
    assert findings
    assert all(finding.evidence and finding.rule == rule.id for finding in findings)
    if version is None:
        assert not found(rule, example.good, release, **example.options)
    fixable = tuple(finding for finding in findings if finding.fix)
    if fixable and TRAIN in rule.kinds:
        text = mended(example.bad, fixable)
        left = found(rule, text, release, **example.options)
        assert len(left) == len(findings) - len(fixable)
        if version is None and len(fixable) == len(findings):
            assert text == example.good


def test_sync_bn_is_refused_until_the_release_has_it() -> None:
    finding = only(found("sync_bn_refused", "batch: 64\nsync_bn: false\n", "8.2.50"))
    assert finding.message.endswith("`patchkit apply ultralytics-sync-bn`")
    assert (finding.severity, finding.location.line, finding.fix) == (Severity.ERROR, 2, None)
    assert not found("sync_bn_refused", "batch: 64\nsync_bn: true\n", patched())


def patched() -> Release:
    release = known_release("8.2.50")
    defaults, kinds = {**release.defaults, "sync_bn": False}, {**release.kinds, "sync_bn": "bool"}
    return replace(release, defaults=defaults, kinds=kinds)


def test_few_images_a_gpu_are_synchronised_by_a_patched_release() -> None:
    finding = only(found("batchnorm_batch_small", "batch: 32\n", patched(), gpus=8))
    assert finding.fix is not None
    assert (dict(finding.fix.values), finding.fix.safe) == ({"sync_bn": True}, False)
    text = mended("batch: 32\n", (finding,))
    assert text == "batch: 32\nsync_bn: True\n"
    assert not found("batchnorm_batch_small", text, patched(), gpus=8)
    assert not found("batchnorm_batch_small", "sync_bn: true\n", "8.2.50", gpus=8)


def test_the_default_batch_is_too_small_for_eight_gpus_with_a_model_yaml() -> None:
    finding = only(found("batchnorm_batch_small", HEAD, gpus=8))
    assert "the default of ultralytics 8.4.190" in finding.message
    assert "2 on each" in finding.message
    assert "patchkit apply ultralytics-sync-bn" in finding.message
    config = load_config(parse_yaml(HEAD.encode(), Path("yolov10x.yaml")), patched(), None)
    findings = run([RULES["batchnorm_batch_small"]], config, Surroundings(gpus=8)).findings
    assert b"sync_bn: True" in train_file(config, findings)
    assert not found("batchnorm_batch_small", HEAD, gpus=2)
    assert not found("batchnorm_batch_small", "batch: -1\n", gpus=2)


@pytest.mark.parametrize(
    ("batch", "options", "lower"),
    [(256, {"gpus": 3}, 255), (100, {"gpus": 8, "nodes": 2}, 96), (3, {"gpus": 8}, 8), (256, {"gpus": 8}, None)],
)
def test_a_batch_is_a_multiple_of_all_gpus(batch: int, options: dict[str, Any], lower: int | None) -> None:
    findings = found("batch_not_divisible", f"batch: {batch}\n", **options)
    assert [dict(finding.fix.values) for finding in findings if finding.fix] == ([{"batch": lower}] if lower else [])


def test_the_consequence_of_an_uneven_batch_is_that_of_the_release() -> None:
    assert "refuses it" in only(found("batch_not_divisible", "batch: 10\n", "8.3.203", gpus=4)).message
    assert "2 images, 8 a step" in only(found("batch_not_divisible", "batch: 10\n", "8.3.204", gpus=4)).message
    assert only(found("batch_not_divisible", HEAD, gpus=3)).location.line == 1


def test_autobatch_is_refused_or_replaced() -> None:
    assert "refuses it" in only(found("autobatch_on_several_gpus", "batch: -1\n", gpus=8)).message
    assert "does not measure it" in only(found("autobatch_on_several_gpus", "batch: -1\n", "8.1.0", gpus=8)).message
    assert not found("autobatch_on_several_gpus", "batch: -1\n", gpus=1)
    assert not found("autobatch_on_several_gpus", 'batch: "-1"\n', gpus=8)


@pytest.mark.parametrize(
    ("device", "gpus"),
    [
        ("0", 1),
        ("7", 1),
        ("-1", 1),
        ("[-1, -1]", 2),
        ("'-1,-1'", 2),
        ("0,1", 2),
        ('"0, 1"', 2),
        ("[0, 1, 2]", 3),
        ("'0,1,'", 2),
        ("cuda", 1),
        ("cuda:0", 1),
        ("cuda:0,cuda:1", 2),
        ("npu:0", 1),
        ("npu:0,1", 2),
        ("cpu", 0),
        ("mps", 0),
        ("", None),
        ("''", None),
        ("None", None),
        ("[]", None),
        ("true", None),
        ("gpu", None),
    ],
)
def test_device_names_so_many_gpus(device: str, gpus: int | None) -> None:
    for given in (1, 2, 3, 8):
        findings = found("device_count_differs", f"device: {device}\n", gpus=given)
        assert bool(findings) == (gpus not in (None, given)), given
    assert not found("device_count_differs", f"device: {device}\n")


def test_what_is_off_is_found_with_its_severity() -> None:
    text = "amp: false\nval: off\nsave: no\nval_period: 5\n"
    severities = {name: only(found(name, text)).severity for name in RULES if name in ("amp_off", "validation_off")}
    assert severities == {"amp_off": Severity.NOTE, "validation_off": Severity.WARNING}
    saved = only(found("checkpoints_not_saved", text))
    assert saved.fix is not None
    assert (saved.fix.safe, saved.severity) == (True, Severity.WARNING)
    assert only(found("validation_rare", text)).severity is Severity.NOTE
    assert "YOLOv10 fork" in only(found("unknown_option", text)).message
    for name in ("amp_off", "validation_off", "checkpoints_not_saved"):
        assert not found(name, "lr0: 0.01\n", "8.0.35")


@pytest.mark.parametrize(
    ("bad", "good", "version"),
    [
        ("lr0: 1e-2\n", "lr0: 0.01\n", "8.2.50"),
        ("lr0: 1.0e2 # c\n", "lr0: 100.0 # c\n", "8.2.50"),
        ("lr0: '1e-5'\n", "lr0: 1.0e-05\n", "8.2.50"),
        ('"lr0": "0.9"\r\nval: true\r\n', '"lr0": 0.9\r\nval: true\r\n', "8.2.50"),
        ("epochs: 100.0\n", "epochs: 100\n", "8.2.50"),
        ("batch: 16.0\n", "batch: 16\n", "8.2.28"),
        ("batch: 256.0\n", "batch: 256\n", "8.2.29"),
        ("batch: 256.0\n", "batch: 256\n", "8.4.190"),
        ("batch: '256'\n", "batch: 256\n", "8.2.50"),
        ("batch: '-1'\n", "batch: -1\n", "8.4.190"),
        ("batch: 1e2\n", "batch: 100\n", "8.4.190"),
        ("batch: '0.7'\n", "batch: 0.7\n", "8.4.190"),
        ("batch: true\n", "batch: 1\n", "8.4.190"),
        ("imgsz: 640.0\n", "imgsz: 640\n", "8.4.190"),
        ("imgsz: 640.0\n", "imgsz: 640\n", "8.0.100"),
        ("save: 1\n", "save: True\n", "8.2.50"),
        ("val: 'off'\n", "val: False\n", "8.2.50"),
        ("val: n\n", "val: False\n", "8.2.50"),
        ("time: None\n", "time: null\n", "8.2.50"),
        ("workspace: None\n", "workspace: null\n", "8.3.50"),
        ("scale: '0.9'\n", "scale: 0.9\n", "8.2.50"),
        ("scale: '0.9'\n", "scale: 0.9\n", "8.4.60"),
        ("amp: 'False'\n", "amp: False\n", "8.2.50"),
        ("amp: 1\n", "amp: True\n", "8.4.190"),
        ("compile: 1\n", "compile: True\n", "8.4.190"),
        ("erasing: '0.4'\n", "erasing: 0.4\n", "8.2.50"),
        ("multi_scale: false\n", "multi_scale: 0.0\n", "8.4.190"),
        ("scale: true\n", "scale: 1.0\n", "8.4.190"),
        ("lr0:\n", "lr0: 0.01\n", "8.4.190"),
        ("seed: null\n", "seed: 0\n", "8.2.50"),
        ("patience: ~\n", "patience: 100\n", "8.4.190"),
    ],
)
def test_a_value_that_is_only_written_wrongly_is_put_right(bad: str, good: str, version: str) -> None:
    findings = found("option_of_wrong_type", bad, version)
    assert mended(bad, (only(findings),)) == good
    assert not found("option_of_wrong_type", good, version)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("scale: [0.5, 1.5]\n", "8.2.50"),
        ("scale: [0.5, 1.5, 2]\n", "8.4.190"),
        ("epochs: 1.5\n", "8.4.190"),
        ("epochs: 1.5\n", "8.2.50"),
        ("epochs: many\n", "8.2.50"),
        ("lr0: {a: 1}\n", "8.2.50"),
        ("save: maybe\n", "8.2.50"),
        ("save: 2\n", "8.2.50"),
        ("optimizer: 3\n", "8.4.190"),
        ("amp: int4\n", "8.4.190"),
        ("mixup: 2024-01-01\n", "8.4.190"),
        ("batch: 256.5\n", "8.4.190"),
        ("batch: 256.5\n", "8.2.28"),
        ("batch: 0.7\n", "8.2.28"),
        ("batch: .inf\n", "8.4.190"),
        ("batch: .nan\n", "8.2.50"),
        ("batch: '2.5'\n", "8.2.50"),
        (f"batch: {'9' * 5000}\n", "8.4.190"),
        (f"lr0: '{'9' * 5000}'\n", "8.4.190"),
        ("lr0: 'inf'\n", "8.4.190"),
        ("epochs: '.inf'\n", "8.4.190"),
        ("imgsz: 640.5\n", "8.4.190"),
    ],
)
def test_a_value_that_cannot_be_put_right_has_no_fix(text: str, version: str) -> None:
    finding = only(found("option_of_wrong_type", text, version))
    assert (finding.fix, finding.severity) == (None, Severity.ERROR)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("lr0: 1\nepochs: 100\nsave: yes\nval: on\nbatch: 16\n", "8.2.50"),
        ("epochs: 100.0\nnbs: 64.0\nworkers: 8.0\n", "8.4.172"),
        ("batch: 0.7\nimgsz: [640, 480]\n", "8.2.29"),
        ("batch: -1.0\n", "8.4.190"),
        ("scale: [0.5, 1.5]\nfraction: [1000, 200]\namp: BF16\ncompile: default\n", "8.4.190"),
        ("time:\nconf:\nclasses: [0, 1]\nfreeze: 10\npatience:\nsave_json:\namp:\n", "8.2.50"),
        ("auto_augment:\noptimizer: auto\n", "8.4.190"),
        ("cache: ram\npretrained: best.pt\nname: 1e3\nmodel: 2\nimgsz: '640'\n", "8.2.50"),
        ("no_option: 1e-2\nsync_bn: 3\nlr0: 0.01\n", "8.2.50"),
    ],
)
def test_values_that_the_release_takes_are_left_alone(text: str, version: str) -> None:
    assert not found("option_of_wrong_type", text, version)


def test_a_trap_of_yaml_is_explained() -> None:
    assert "YAML 1.1 reads as text" in only(found("option_of_wrong_type", "lr0: 1e-2\n")).message
    assert "by its quotes" in only(found("option_of_wrong_type", 'lr0: "0.1"\n')).message
    assert "epochs is many; it takes" in only(found("option_of_wrong_type", "epochs: many\n")).message


def test_a_batch_that_is_no_number_of_images_is_not_cut_off() -> None:
    batches = {"256": 256, "256.0": 256, "256.5": None, ".inf": None, "-1": None, "0.7": None, "9" * 400: None}
    for text, batch in batches.items():
        config = load_config(parse_yaml(f"batch: {text}\n".encode(), Path("a.yaml")), NEWEST, None)
        assert config.batch == batch


# --- the optimizer and the model


def builder(version: str) -> Callable[[Any], str]:
    """The optimizer that `build_optimizer` of a real release makes of a name."""
    with zipfile.ZipFile(wheel(f"ultralytics=={version}")) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("engine/trainer.py")]
        tree = ast.parse(archive.read(name))
    (function,) = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "build_optimizer"]
    function.decorator_list, function.returns = [], None

    class Group(SimpleNamespace):
        def add_param_group(self, _: object) -> None: ...

    def made(name: str) -> Callable[..., Group]:
        return type(name, (Group,), {"__init__": lambda *_, **__: None})

    known = {name: made(name) for name in ("Adam", "Adamax", "AdamW", "NAdam", "RAdam", "RMSprop", "SGD")}
    optim = SimpleNamespace(**known)
    names: dict[str, Any] = {
        "nn": SimpleNamespace(),
        "torch": SimpleNamespace(optim=optim, cuda=SimpleNamespace(is_available=lambda: False)),
        "optim": optim,
        "LOGGER": SimpleNamespace(info=str, warning=str),
        "colorstr": str,
        "TORCH_2_0": False,
        "partial": lambda function, **_: function,
        "MuSGD": made("MuSGD"),
        "unwrap_model": lambda model: model,
    }
    future: list[ast.stmt] = list(ast.parse("from __future__ import annotations").body)
    exec(compile(ast.Module([*future, function], []), version, "exec"), names)
    build = names["build_optimizer"]
    model = SimpleNamespace(modules=list, named_modules=list, nc=80, model=[SimpleNamespace(nc=80)], yaml={})
    arguments = [] if "self" not in [a.arg for a in function.args.args] else [trainer()]
    return lambda name: type(build(*arguments, model, name=name)).__name__


def trainer() -> SimpleNamespace:
    return SimpleNamespace(args=SimpleNamespace(lr0=0.01, momentum=0.9, warmup_bias_lr=0.1), data={"nc": 80})


OPTIMIZERS = [
    *("SGD", "sgd", "Adam", "adam", "AdamW", "adamw", "Adamax", "NAdam", "RAdam", "nadam", "RMSProp", "RMSprop"),
    *("auto", "Auto", "AUTO", "MuSGD", "musgd", "Foo", "Lion"),
]


@pytest.mark.parametrize(
    "version",
    ["8.0.35", "8.0.112", "8.0.113", "8.1.0", "8.1.34", "8.2.50", "8.3.25", "8.3.26", "8.3.200", "8.4.0",
     "8.4.60", "8.4.104", "8.4.105", "8.4.106", "8.4.107", "8.4.190"],
)  # fmt: skip
def test_an_optimizer_is_found_where_the_real_release_does_not_build_it(version: str) -> None:
    build, differing = builder(version), []
    release = known_release(version)
    for name in OPTIMIZERS:
        try:
            refused = build(name) is None
        except (NotImplementedError, AttributeError, IndexError):
            refused = True
        findings = found("optimizer_unknown", f"optimizer: {name}\n", release)
        # MuSGD in another case goes on from 8.4.3 to 8.4.104, but without its groups.
        is_half = name == "musgd" and (8, 4, 3) <= release.number < (8, 4, 105)
        if refused != bool(findings) and not is_half:
            differing.append((name, refused, findings))
        fixes = [finding.fix for finding in findings if finding.fix]
        assert all(fix.safe and str(fix.values["optimizer"]).lower() == name.lower() for fix in fixes)
        assert all(build(fix.values["optimizer"]) for fix in fixes)
    assert not differing


@pytest.mark.parametrize(
    ("text", "version", "fixed"),
    [
        ("optimizer: sgd\n", "8.2.50", "optimizer: SGD\n"),
        ("optimizer: Auto\n", "8.4.100", "optimizer: auto\n"),
        ("optimizer: musgd\n", "8.4.100", "optimizer: MuSGD\n"),
        ("optimizer: MuSGD\n", "8.3.200", ""),
        ("optimizer: auto\n", "8.0.112", ""),
        ("optimizer: 3\n", "8.2.50", ""),
        ("optimizer:\n", "8.2.50", ""),
    ],
)
def test_an_optimizer_is_put_right_where_only_its_case_is_wrong(text: str, version: str, fixed: str) -> None:
    finding = only(found("optimizer_unknown", text, version))
    assert (finding.severity, "it takes" in finding.message or "takes Adam" in finding.message) == (
        Severity.ERROR,
        True,
    )
    assert (finding.fix is not None) is bool(fixed)
    assert not fixed or mended(text, (finding,)) == fixed


def test_an_optimizer_that_is_no_word_has_one_finding() -> None:
    for text in ("optimizer: 3\n", "optimizer:\n"):
        for version in ("8.2.50", "8.4.95", "8.4.96", "8.4.190"):
            assert len([*found("optimizer_unknown", text, version), *found("option_of_wrong_type", text, version)]) == 1
    assert not found("optimizer_unknown", HEAD, "8.2.50")


@pytest.mark.parametrize(
    ("text", "name", "version", "unknown"),
    [
        ("model: yolov10x.yaml\n", "a.yaml", "8.2.37", True),
        ("model: weights/yolov10n.pt\n", "a.yaml", "8.0.100", True),
        ("model: yolov10x.yaml\n", "a.yaml", "8.2.38", False),
        ("model: yolov10x.yaml\n", "a.yaml", "8.1.34", False),  # the fork calls itself so
        ("model: yolov8x.yaml\n", "a.yaml", "8.1.0", False),
        ("epochs: 5\n", "a.yaml", "8.1.0", False),
        (HEAD, "yolov10x.yaml", "8.1.0", True),
        (HEAD.replace("head: []", "head: [[-1, 1, v10Detect, [80]]]"), "own.yaml", "8.1.0", True),
        (HEAD, "yolov8x.yaml", "8.1.0", False),
    ],
)
def test_a_model_that_the_release_cannot_build_is_found(text: str, name: str, version: str, unknown: bool) -> None:
    findings = found("model_unknown", text, version, name=name)
    assert [(finding.severity, finding.fix) for finding in findings] == ([(Severity.WARNING, None)] if unknown else [])


@pytest.mark.parametrize("version", ["8.1.34", "8.2.37", "8.2.38", "8.4.190"])
def test_the_real_release_has_yolov10_or_not(version: str) -> None:
    with zipfile.ZipFile(wheel(f"ultralytics=={version}")) as archive:
        has_it = any("/cfg/models/v10/" in name for name in archive.namelist())
    assert has_it is (known_release(version).number >= (8, 2, 38))


def test_the_examples_of_an_older_release_are_found_in_it() -> None:
    (example,) = RULES["model_unknown"].examples
    assert found("model_unknown", example.bad, example.options["release"])
    assert not found("model_unknown", example.good, example.options["release"])


@pytest.mark.parametrize("name", ["option_of_wrong_type", "option_out_of_range"])
def test_a_release_without_checks_is_skipped(name: str) -> None:
    config = load_config(parse_yaml(b"lr0: 2\n", Path("a.yaml")), known_release("8.0.18"), None)
    assert [type(result) for result in RULES[name].check(config, Surroundings())] == [Skipped]


@pytest.mark.parametrize(
    ("text", "version", "words"),
    [
        ("lr0: -0.1\n", "8.2.50", "from 0 to 1"),
        ("lr0: .nan\n", "8.2.50", "from 0 to 1"),
        ("scale: 1.5\n", "8.4.190", "from 0 to 1"),
        ("scale: 1.5\n", "8.2.50", "from 0 to 1"),
        ("fraction: 0.0\n", "8.4.190", "train on nothing"),
        ("fraction: 1000\n", "8.2.50", "from 0 to 1"),
        ("epochs: 0\n", "8.2.50", "no epoch"),
        ("epochs: 0\n", "8.4.190", "refuses less"),
        ("nbs: 0\n", "8.4.190", "refuses less"),
        ("workers: -1\n", "8.4.190", "DataLoader"),
        ("box: -7.5\n", "8.4.190", "turned around"),
    ],
)
def test_a_value_out_of_range_is_found(text: str, version: str, words: str) -> None:
    finding = only(found("option_out_of_range", text, version))
    assert words in finding.message
    assert (finding.fix, finding.severity) == (None, Severity.ERROR)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("fraction: 0.0\n", "8.2.50"),
        ("fraction: 1000\n", "8.4.190"),
        ("lr0: '2'\nval: true\nworkers: true\nmixup: false\nno_option: -1\n", "8.2.50"),
        ("degrees: -10\nbatch: -1\nsave_period: -1\n", "8.2.50"),
    ],
)
def test_values_in_range_are_left_alone(text: str, version: str) -> None:
    assert not found("option_out_of_range", text, version)


def test_a_line_that_is_undone_is_removed_whole() -> None:
    bad = "# top\r\nlr0: 0.02  # first\r\nbatch: 8\r\nlr0: 0.03\r\nlr0: 0.01\r\n"
    findings = found("option_given_twice", bad)
    assert [finding.location.line for finding in findings] == [2, 4]
    assert mended(bad, findings) == "# top\r\nbatch: 8\r\nlr0: 0.01\r\n"


@pytest.mark.parametrize(
    "bad",
    [
        "scale:\n  - 0.1\n  - 0.2\nlr0: 1\nscale: 0.5\n",
        "lr0: &x 0.1\nlrf: *x\nlr0: 0.2\n",
        "name: a\n  b\nlr0: 1\nname: c\n",
        "{lr0: 0.1, lr0: 0.2}\n",
    ],
)
def test_a_value_that_is_not_alone_on_its_line_is_left_to_the_reader(bad: str) -> None:
    assert only(found("option_given_twice", bad)).fix is None


def test_a_model_yaml_with_a_key_twice_is_left_as_it_is() -> None:
    assert only(found("option_given_twice", f"{HEAD}nc: 3\n")).fix is None


@pytest.mark.parametrize(
    ("key", "version", "words", "severity"),
    [
        ("label_smoothing", "8.3.37", None, None),
        ("label_smoothing", "8.3.38", "drops", Severity.WARNING),
        ("half", "8.4.80", "quantize", Severity.WARNING),
        ("half", "8.4.79", None, None),
        ("hide_labels", "8.2.50", "show_labels", Severity.WARNING),
        ("hide_labels", "8.0.61", None, None),
        ("show_labels", "8.0.61", "8.0.62 and later", Severity.ERROR),
        ("end2end", "8.2.50", "8.4.8 and later, removed in 8.4.142", Severity.ERROR),
        ("fl_gamma", "8.2.50", "removed in 8.0.71", Severity.ERROR),
        ("save_dir", "8.0.160", "refuses", Severity.ERROR),
        ("save_dir", "8.2.50", "Python drops it", Severity.WARNING),
        ("save_dir", "8.4.2", None, None),
        ("augmentations", "8.4.190", None, None),
        ("learning_rate", "8.4.190", "does not know", Severity.ERROR),
        ("sync_bn", "8.4.190", None, None),
    ],
)
def test_an_option_is_known_or_not_release_by_release(
    key: str, version: str, words: str | None, severity: Severity | None
) -> None:
    findings = found("unknown_option", f"epochs: 10\n{key}: 1\n", version)
    assert [finding.severity for finding in findings] == ([severity] if severity else [])
    assert all((words or "") in finding.message and finding.fix is None for finding in findings)


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("lr_0: 0.02\nepochs: 5\n", "epochs: 5\nlr0: 0.02\n"),
        ("momentun: 0.9\nepochs: 5", "epochs: 5\nmomentum: 0.9\n"),
        ("epochs: 5\r\nwarmup-epochs: 3\r\n", "epochs: 5\r\nwarmup_epochs: 3\r\n"),
        ("epochs: 5\nLR0: 0.1\n", "epochs: 5\nlr0: 0.1\n"),
    ],
)
def test_a_slip_is_renamed(bad: str, good: str) -> None:
    finding = only(found("unknown_option", bad))
    assert finding.fix is not None
    assert not finding.fix.safe
    assert mended(bad, (finding,)) == good


@pytest.mark.parametrize(
    "bad",
    [
        "lr_0: 0.02\nlr0: 0.01\n",
        "lr_0: 0.02  # a comment would be lost\nepochs: 5\n",
        "warmup: 3\nepochs: 5\n",
        "clases:\n  - 1\nepochs: 5\n",
    ],
)
def test_what_is_no_plain_slip_is_not_renamed(bad: str) -> None:
    assert only(found("unknown_option", bad)).fix is None


def test_options_in_a_model_yaml_are_found_and_its_own_keys_are_not() -> None:
    text = f"{HEAD}scale: 0.9\nlr0: 0.01\nend2end: true\nreg_max: 1\nsync_bn: true\n"
    findings = found("hyperparameter_in_model_yaml", text, "8.4.100")
    assert [finding.location.line for finding in findings] == [4, 5, 8]
    assert all("yolov10x.train.yaml" in finding.message and finding.fix is None for finding in findings)
    assert not found("hyperparameter_in_model_yaml", f"{HEAD}scale: x\n")
    assert not found("hyperparameter_in_model_yaml", "scale: 0.9\n")


def cfg_files(version: str) -> dict[str, bytes]:
    """The two files of a real wheel that give the options."""
    with zipfile.ZipFile(wheel(f"ultralytics=={version}")) as archive:
        wanted = [f"{folder}/{name}" for folder in FOLDERS for name in ("default.yaml", "__init__.py")]
        return {name: archive.read(name) for name in archive.namelist() if name in wanted}


FOLDERS = ("ultralytics/cfg", "ultralytics/yolo/cfg")


@pytest.mark.parametrize("version", WHEELS)
def test_the_table_of_options_is_that_of_the_real_release(version: str, tmp_path: Path) -> None:
    files = cfg_files(version)
    for name, source in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(source)
    installed, known = installed_release(tmp_path, version), known_release(version)
    assert installed is not None
    assert (installed.defaults, installed.kinds) == (known.defaults, known.kinds)
    assert "not installed" in known.source
    text = next(source for name, source in files.items() if name.endswith("default.yaml")).decode()
    for release in (installed, known):
        for rule in ("option_of_wrong_type", "option_out_of_range", "unknown_option", "option_given_twice"):
            assert not found(rule, text, release, name="default.yaml")


@pytest.mark.parametrize("version", WHEELS)
def test_no_model_of_the_real_release_holds_options(version: str) -> None:
    with zipfile.ZipFile(wheel(f"ultralytics=={version}")) as archive:
        models = [name for name in archive.namelist() if "/models/" in name and name.endswith(".yaml")]
        texts = {name: archive.read(name).decode() for name in models if "/README" not in name}
    assert texts
    for name, text in texts.items():
        config = load_config(parse_yaml(text.encode(), Path(name)), known_release(version), None)
        assert config.kind == MODEL
        assert not run([RULES["hyperparameter_in_model_yaml"]], config, Surroundings()).findings, name


VALUES: list[tuple[str, str]] = [
    (key, value)
    for key in (
        *("lr0", "box", "epochs", "workers", "save", "scale", "fraction", "amp", "compile", "optimizer", "patience"),
        *("nbs", "seed", "max_det", "mixup", "time", "batch", "val", "split", "multi_scale", "auto_augment", "conf"),
    )
    for value in (
        *("0", "1", "2", "-1", "0.5", "1.5", "100.0", "1e-2", "'0.9'", "true", "false", "yes", "'on'", "word", ""),
        *("[1, 2]", "[0.5, 1.5]", "[a, b]", "[0.1, 0.1, 0.1]", "null", ".nan", "bf16"),
    )
]


def real_check(version: str) -> Callable[[dict[str, Any]], None]:
    """`check_cfg` of a real release, without the imports of its module."""
    source = next(text for name, text in cfg_files(version).items() if name.endswith("__init__.py"))
    wanted: list[ast.stmt] = []
    for statement in ast.parse(source).body:
        name = statement.targets[0] if isinstance(statement, ast.Assign) else None
        is_constant = isinstance(name, ast.Name) and name.id.startswith(("CFG_", "QUANTIZE_"))
        if is_constant or (isinstance(statement, ast.FunctionDef) and statement.name == "check_cfg"):
            wanted.append(statement)
    names: dict[str, Any] = {
        "FLOAT_OR_INT": (float, int),
        "DEFAULT_CFG_DICT": dict(known_release(version).defaults),
        "LOGGER": SimpleNamespace(warning=print),
    }
    future: list[ast.stmt] = list(ast.parse("from __future__ import annotations").body)
    for statement in [*wanted]:
        try:
            exec(compile(ast.Module([*future, statement], []), version, "exec"), names)
        except NameError:  # a constant that needs more of the module, and that the check does not
            continue
    check: Callable[[dict[str, Any]], None] = names["check_cfg"]
    return check


@pytest.mark.parametrize("version", ["8.1.34", "8.2.50", "8.3.0", "8.3.200", "8.4.0", "8.4.60", "8.4.100", "8.4.190"])
def test_errors_are_what_the_real_release_refuses(version: str) -> None:
    check, release = real_check(version), known_release(version)
    differing = []
    for key, value in VALUES:
        text = f"{key}: {value}\n"
        data = parse_yaml(text.encode(), Path("a.yaml")).data
        if key not in release.defaults:
            continue
        try:
            check(dict(data))
            refused = False
        except (TypeError, ValueError):
            refused = True
        findings = (*found("option_of_wrong_type", text, release), *found("option_out_of_range", text, release))
        says_refused = any("refuses" in finding.message for finding in findings)
        if refused != says_refused:
            differing.append((text, refused, [finding.message for finding in findings]))
    assert not differing
