"""The rules that hold a training configuration of ultralytics against its recipe."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from patchkit.findings import Finding, Report, Severity
from patchkit.recipes import find_recipe
from patchkit.recipes.linear import LinearRule
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule, load_rules, run
from patchkit.subjects.config import TrainConfig, load_config
from patchkit.subjects.fixing import applicable, fixed_file
from patchkit.subjects.release import known_release
from patchkit.subjects.yaml_file import parse_yaml

IDS = {
    "augmentation-not-in-recipe",
    "close-mosaic-not-in-recipe",
    "copy-paste-for-size",
    "epochs-not-in-recipe",
    "loss-gains-not-in-recipe",
    "lr0-not-linear",
    "lrf-not-in-recipe",
    "mixup-for-size",
    "momentum-not-in-recipe",
    "nbs-changed",
    "optimizer-auto",
    "optimizer-not-in-recipe",
    "scale-for-size",
    "warmup-below-100-iterations",
    "warmup-start-not-in-recipe",
    "warmup-too-short",
    "weight-decay-not-in-recipe",
}
RULES = {rule.id: rule for rule in load_rules("patchkit.rules.config") if rule.id in IDS}
EXAMPLES = [(rule, example) for rule in RULES.values() for example in rule.examples]
ON_DEFAULTS = {"optimizer-auto", "epochs-not-in-recipe"}
FOR_LARGE = {"scale-for-size", "mixup-for-size", "copy-paste-for-size"}
X = "model: yolov10x.yaml\n"
OTHER = "model: yolo11x.yaml\n"


def config_of(text: str | bytes, version: str | None = None, name: str = "train.yaml") -> TrainConfig:
    source = text.encode() if isinstance(text, str) else text
    return load_config(parse_yaml(source, Path(name)), known_release(version), None)


def around(config: TrainConfig, *, keep: bool = False, **options: Any) -> Surroundings:
    """What an audit finds for the model: its recipe, and the linear rule with its values."""
    recipe = find_recipe(None, config.model)
    if recipe is None or keep:
        return Surroundings(recipe=recipe, **options)
    lr0 = recipe.values["lr0"]
    return Surroundings(recipe=recipe, linear=LinearRule(lr0, recipe.batch, 2 * lr0), **options)


def audit(
    text: str | bytes,
    rules: Iterable[Rule] = tuple(RULES.values()),
    *,
    version: str | None = None,
    keep: bool = False,
    **options: Any,
) -> Report:
    config = config_of(text, version)
    return run(rules, config, around(config, keep=keep, **options))


def audit_by(rule: str, text: str, *, version: str | None = None, keep: bool = False, **options: Any) -> Report:
    return audit(text, [RULES[rule]], version=version, keep=keep, **options)


def only(report: Report) -> Finding:
    (finding,) = report.findings
    return finding


def fixed(text: str | bytes, report: Report, *, unsafe: bool = True) -> bytes:
    return fixed_file(config_of(text).file, applicable(report.findings, unsafe=unsafe))


def ids(report: Report) -> set[str]:
    return {finding.rule for finding in report.findings}


def test_every_rule_is_there() -> None:
    assert set(RULES) == IDS


@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=[rule.id for rule, _ in EXAMPLES])
def test_the_fix_of_an_example_takes_its_finding_away(rule: Rule, example: Example) -> None:
    report = audit(example.bad, [rule], **example.options)
    assert report.findings
    assert all(finding.evidence and finding.message and finding.fix for finding in report.findings)
    once = fixed(example.bad, report)
    assert once.decode() == example.good
    again = audit(once, [rule], **example.options)
    assert (again.findings, again.skipped) == ((), ())
    assert fixed(once, again) == once


@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=[rule.id for rule, _ in EXAMPLES])
@pytest.mark.parametrize("unsafe", [False, True])
def test_all_fixes_together_leave_nothing_to_fix(rule: Rule, example: Example, unsafe: bool) -> None:
    once = fixed(example.bad, audit(example.bad, **example.options), unsafe=unsafe)
    again = audit(once, **example.options)
    assert applicable(again.findings, unsafe=unsafe) == []


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("n", ON_DEFAULTS),
        ("s", ON_DEFAULTS),
        ("m", ON_DEFAULTS | FOR_LARGE),
        ("b", ON_DEFAULTS | FOR_LARGE),
        ("l", ON_DEFAULTS | FOR_LARGE | {"lr0-not-linear"}),
        ("x", ON_DEFAULTS | FOR_LARGE | {"lr0-not-linear"}),
    ],
)
def test_a_size_on_the_defaults_gets_what_its_recipe_implies(size: str, expected: set[str]) -> None:
    report = audit(f"model: yolov10{size}.yaml\nbatch: 256\n", gpus=8)
    assert ids(report) == expected
    assert len(report.findings) == len(expected)
    assert {skipped.rule for skipped in report.skipped} == {"warmup-below-100-iterations"}
    assert {skipped.rule for skipped in audit(f"{X}batch: 256\n", gpus=8, images=118_287).skipped} == set()


def test_x_on_eight_gpus_is_fixed_as_the_recipe_says() -> None:
    text = f"{X}batch: 256\n"
    data = config_of(fixed(text, audit(text, gpus=8), unsafe=False)).file.data
    assert data == {
        "model": "yolov10x.yaml",
        "batch": 256,
        "scale": 0.9,
        "mixup": 0.15,
        "copy_paste": 0.3,
        "optimizer": "SGD",
        "lr0": 0.016,
    }
    again = audit(fixed(text, audit(text, gpus=8), unsafe=False), gpus=8)
    assert ids(again) == {"epochs-not-in-recipe"}  # unsafe
    assert not ids(audit(fixed(text, audit(text, gpus=8)), gpus=8))


def test_a_model_yaml_is_held_against_the_defaults() -> None:
    config = config_of("nc: 80\nbackbone: []\nhead: []\n", name="yolov10m.yaml")
    assert ids(run(RULES.values(), config, around(config, gpus=8))) >= ON_DEFAULTS | FOR_LARGE


def test_without_a_recipe_only_what_holds_for_every_model_is_found() -> None:
    report = audit(f"{OTHER}batch: 256\nscale: 0.1\nmixup: 1.0\nlrf: 0.5\nbox: 1.0\nepochs: 3\n")
    assert ids(report) == {"optimizer-auto"}


# --- optimizer


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("8.0.113", "takes SGD for more than 6,000 iterations, else NAdam"),
        ("8.0.114", "takes SGD for more than 10,000 iterations, else AdamW"),
        ("8.2.50", "takes SGD for more than 10,000 iterations, else AdamW"),
        ("8.4.2", "takes SGD for more than 10,000 iterations, else MuSGD"),
        ("8.4.7", "takes MuSGD for more than 10,000 iterations, else MuSGD"),
        ("8.4.8", "takes MuSGD for more than 10,000 iterations, else AdamW"),
    ],
)
def test_optimizer_auto_says_what_the_release_takes(version: str, words: str) -> None:
    assert words in only(audit_by("optimizer-auto", f"{X}optimizer: auto\n", version=version)).message


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (256, "takes AdamW for 7,900 iterations"),  # ceil(20_000 / 256) * 100
        (128, "takes MuSGD for 15,700 iterations"),
        (16, "takes MuSGD for 31,300 iterations"),  # accumulated up to nbs 64
    ],
)
def test_optimizer_auto_counts_the_iterations(batch: int, words: str) -> None:
    report = audit_by("optimizer-auto", f"{X}batch: {batch}\nepochs: 100\n", images=20_000)
    assert words in only(report).message
    assert "ignored" in only(report).message


def test_optimizer_auto_is_unknown_to_the_first_releases() -> None:
    assert not audit_by("optimizer-auto", f"{X}optimizer: auto\n", version="8.0.112").findings
    assert ids(audit(f"{X}optimizer: auto\n", version="8.0.112")) >= {"optimizer-not-in-recipe"}


def test_optimizer_auto_without_a_recipe_is_fixed_only_on_demand() -> None:
    fix = only(audit_by("optimizer-auto", OTHER)).fix
    assert fix is not None
    assert (fix.values, fix.safe) == ({"optimizer": "SGD"}, False)


@pytest.mark.parametrize(
    ("text", "keep", "values", "safe"),
    [
        ("optimizer: AdamW\nlr0: 0.001\nbatch: 256\n", False, {"optimizer": "SGD", "lr0": 0.016}, False),
        ("optimizer: AdamW\nbatch: 256\n", False, {"optimizer": "SGD", "lr0": 0.016}, True),
        ("optimizer: AdamW\nlr0: 0.016\nbatch: 256\n", False, {"optimizer": "SGD"}, True),
        ("optimizer: AdamW\nlr0: 0.001\nbatch: 256\n", True, {"optimizer": "SGD"}, False),
        ("optimizer: AdamW\nlr0: 0.001\nbatch: -1\n", False, {"optimizer": "SGD"}, False),
    ],
)
def test_another_optimizer_takes_its_learning_rate_along(text: str, keep: bool, values: object, safe: bool) -> None:
    fix = only(audit_by("optimizer-not-in-recipe", X + text, keep=keep)).fix
    assert fix is not None
    assert (fix.values, fix.safe) == (values, safe)


def test_the_title_of_a_fix_says_that_the_learning_rate_goes_along() -> None:
    fix = only(audit_by("optimizer-not-in-recipe", f"{X}optimizer: AdamW\nlr0: 0.001\nbatch: 256\n")).fix
    assert fix is not None
    assert fix.title == "optimizer: SGD, and with it lr0: 0.016"


ALL = [rule for rule in load_rules("patchkit.rules.config") if rule.id.startswith("optimizer")]


@pytest.mark.parametrize(
    ("name", "version", "values"),
    [
        ("sgd", "8.2.50", {"optimizer-unknown": "SGD"}),
        ("sgd", "8.3.200", {}),
        ("adamw", "8.2.50", {"optimizer-unknown": None, "optimizer-not-in-recipe": "SGD"}),
        ("Foo", "8.2.50", {"optimizer-unknown": None, "optimizer-not-in-recipe": "SGD"}),
        ("Auto", "8.2.50", {"optimizer-unknown": None, "optimizer-not-in-recipe": "SGD"}),
        ("Auto", "8.4.190", {"optimizer-auto": "SGD"}),
        ("auto", "8.2.50", {"optimizer-auto": "SGD"}),
        ("auto", "8.0.112", {"optimizer-unknown": None, "optimizer-not-in-recipe": "SGD"}),
        ("MuSGD", "8.2.50", {"optimizer-unknown": None, "optimizer-not-in-recipe": "SGD"}),
    ],
)
def test_the_rules_on_the_optimizer_do_not_contradict_each_other(
    name: str, version: str, values: dict[str, str | None]
) -> None:
    report = audit(f"{X}batch: 64\noptimizer: {name}\n", ALL, version=version)
    fixes = {finding.rule: finding.fix for finding in report.findings}
    assert {rule: fix and fix.values["optimizer"] for rule, fix in fixes.items()} == values


def test_the_case_of_an_optimizer_does_not_matter() -> None:
    assert not audit_by("optimizer-not-in-recipe", f"{X}optimizer: sgd\n").findings
    assert audit_by("lr0-not-linear", f"{X}optimizer: sgd\nbatch: 256\n").findings


# --- learning rate


@pytest.mark.parametrize(
    ("size", "batch", "lr0"),
    [
        ("x", 256, 0.016),
        ("l", 256, 0.0123077),
        ("x", 512, 0.02),
        ("n", 512, 0.02),
        ("n", 128, 0.005),
        ("n", 48, 0.001875),
    ],
)
def test_lr0_follows_the_effective_batch_up_to_the_cap(size: str, batch: int, lr0: float) -> None:
    finding = only(audit_by("lr0-not-linear", f"model: yolov10{size}.yaml\noptimizer: SGD\nbatch: {batch}\n"))
    assert finding.fix is not None
    assert (finding.fix.values, finding.fix.safe) == ({"lr0": lr0}, True)
    assert ("capped at 0.02" in finding.message) == (size == "x" and batch == 512)
    assert "arXiv:1706.02677" in finding.evidence
    assert "csv logs" in finding.evidence


@pytest.mark.parametrize(("lr0", "found"), [(0.0159, False), (0.0161, False), (0.0157, True), (0.0163, True)])
def test_lr0_may_be_one_percent_away(lr0: float, found: bool) -> None:
    assert bool(audit_by("lr0-not-linear", f"{X}optimizer: SGD\nbatch: 256\nlr0: {lr0}\n").findings) is found


@pytest.mark.parametrize("optimizer", ["Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSProp", "MuSGD"])
def test_lr0_is_scaled_for_sgd_only(optimizer: str) -> None:
    report = audit_by("lr0-not-linear", f"{X}optimizer: {optimizer}\nbatch: 256\n", gpus=8)
    assert (report.findings, report.skipped) == ((), ())


def test_lr0_of_optimizer_auto_is_judged_as_sgd() -> None:
    assert "auto ignores it" in only(audit_by("lr0-not-linear", f"{X}batch: 256\n")).message
    assert "auto ignores it" not in only(audit_by("lr0-not-linear", f"{X}optimizer: SGD\nbatch: 256\n")).message


def test_lr0_of_a_recipe_for_another_optimizer_is_not_scaled(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "name: own\nmodels: yolo11x\nbatch: 64\nsource: ours\nvalues: {optimizer: AdamW, lr0: 0.001}\n"
    )
    recipe = find_recipe(str(tmp_path / "own.yaml"), "yolo11x")
    config = config_of(f"{OTHER}optimizer: SGD\nbatch: 256\n")
    surroundings = Surroundings(recipe=recipe, linear=LinearRule(0.001, 64, 0.002))
    assert not run([RULES["lr0-not-linear"]], config, surroundings).findings
    fix = only(run([RULES["optimizer-not-in-recipe"]], config, surroundings)).fix
    assert fix is not None
    assert (fix.values, fix.safe) == ({"optimizer": "AdamW"}, False)


def test_lr0_follows_a_base_that_is_given() -> None:
    config = config_of(f"{OTHER}optimizer: SGD\nbatch: 128\n")
    finding = only(run([RULES["lr0-not-linear"]], config, Surroundings(linear=LinearRule(0.01, 64, 0.05))))
    assert finding.fix is not None
    assert finding.fix.values == {"lr0": 0.02}
    assert "as given" in finding.evidence


@pytest.mark.parametrize(
    ("base", "cap", "lr0", "words"),
    [(0.9, 1.8, 1.0, "capped at 1, the most that the release takes"), (0.1, 0.2, 0.2, "capped at 0.2 "), (2, 4, 1, "")],
)
def test_lr0_is_never_more_than_the_release_takes(base: float, cap: float, lr0: float, words: str) -> None:
    config = config_of(f"{OTHER}optimizer: SGD\nbatch: 128\n")
    finding = only(run([RULES["lr0-not-linear"]], config, Surroundings(linear=LinearRule(base, 16, cap))))
    assert finding.fix is not None
    assert finding.fix.values == {"lr0": lr0}
    assert words in f"{finding.message} "


@pytest.mark.parametrize(
    ("text", "keep", "gpus", "reason"),
    [
        (f"{OTHER}optimizer: SGD\n", False, 8, "no base batch is known"),
        (f"{OTHER}optimizer: SGD\n", False, 1, ""),
        (f"{OTHER}optimizer: AdamW\n", False, 8, ""),
        (f"{X}optimizer: SGD\nbatch: 256\n", True, 8, ""),
        (f"{X}optimizer: SGD\nbatch: -1\n", False, 8, "batch is -1"),
        (f"{X}optimizer: SGD\nlr0: 1e-2\n", False, 8, "lr0 is '1e-2'"),
    ],
)
def test_lr0_that_cannot_be_judged_is_skipped(text: str, keep: bool, gpus: int, reason: str) -> None:
    report = audit_by("lr0-not-linear", text, keep=keep, gpus=gpus)
    assert not report.findings
    assert bool(report.skipped) is bool(reason)
    assert all(reason in skipped.reason for skipped in report.skipped)


# --- warm-up


@pytest.mark.parametrize(
    ("text", "gpus", "found"),
    [
        (f"{X}warmup_epochs: 0\n", 1, True),
        (f"{X}warmup_epochs: 2.9\n", 1, True),
        (f"{X}warmup_epochs: 5\n", 8, False),
        (f"{OTHER}warmup_epochs: 0\n", 8, True),
        (f"{OTHER}warmup_epochs: 0\n", 1, False),
        (f"{OTHER}warmup_epochs: 1\n", 8, False),
        (f"{X}warmup_epochs: three\n", 8, False),
    ],
)
def test_warmup_too_short(text: str, gpus: int, found: bool) -> None:
    assert bool(audit_by("warmup-too-short", text, gpus=gpus).findings) is found


def test_warmup_too_short_is_safe_to_fix_with_a_recipe_only() -> None:
    with_recipe = only(audit_by("warmup-too-short", f"{X}warmup_epochs: 0\n"))
    without = only(audit_by("warmup-too-short", f"{OTHER}warmup_epochs: 0\n", gpus=8))
    assert with_recipe.fix is not None
    assert without.fix is not None
    assert (with_recipe.fix.safe, without.fix.safe) == (True, False)


def test_no_warmup_was_100_iterations_at_first() -> None:
    text = f"{X}warmup_epochs: 0\n"
    assert "100 iterations" in only(audit_by("warmup-too-short", text, version="8.0.118")).message
    assert "no warm-up" in only(audit_by("warmup-too-short", text, version="8.0.119")).message


@pytest.mark.parametrize(
    ("text", "version", "images", "found"),
    [
        ("batch: 256\n", None, 2_000, True),
        ("batch: 256\n", "8.4.103", 2_000, True),
        ("batch: 256\n", "8.4.102", 2_000, False),
        ("batch: 256\n", None, 8_449, False),  # 34 iterations an epoch
        ("batch: 256\n", None, 8_448, True),
        ("batch: 256\nepochs: 2\n", None, 8_449, True),
        ("batch: 256\nwarmup_epochs: 0\n", None, 2_000, False),  # for warmup-too-short
    ],
)
def test_warmup_below_100_iterations(text: str, version: str | None, images: int, found: bool) -> None:
    report = audit_by("warmup-below-100-iterations", X + text, version=version, images=images)
    assert bool(report.findings) is found
    assert not report.skipped


@pytest.mark.parametrize(("text", "images"), [("batch: 256\n", None), ("batch: -1\n", 2_000)])
def test_warmup_is_not_counted_without_images_and_batch(text: str, images: int | None) -> None:
    options: dict[str, Any] = {} if images is None else {"images": images}
    assert audit_by("warmup-below-100-iterations", X + text, **options).skipped
    assert not audit_by("warmup-below-100-iterations", X + text, version="8.4.102", **options).skipped


def test_a_training_that_is_too_short_for_its_warmup_has_no_fix() -> None:
    text = f"{X}batch: 256\nepochs: 2\nwarmup_epochs: 20.0\n"
    assert only(audit_by("warmup-below-100-iterations", text, images=2_000)).fix is None


@pytest.mark.parametrize(
    ("epochs", "warmup", "wanted"), [(3, 3.0, None), (13, 3.0, None), (14, 3.0, 13.0), (13, 0.0, 3.0), (14, 0.0, 13.0)]
)
def test_warmup_is_made_longer_only_where_the_training_has_room(
    epochs: int, warmup: float, wanted: float | None
) -> None:
    text = f"{X}batch: 256\nepochs: {epochs}\nwarmup_epochs: {warmup}\n"
    rules = [RULES["warmup-too-short"], RULES["warmup-below-100-iterations"]]
    finding = only(audit(text, rules, images=2_000))
    assert (finding.fix and finding.fix.values) == (wanted and {"warmup_epochs": wanted})
    assert ("too short for them" in finding.message) is (wanted is None)


@pytest.mark.parametrize("warmup", ["0.0", "1.0", "3.0"])
def test_both_warmup_rules_agree_on_the_fix(warmup: str) -> None:
    text = f"{X}batch: 256\nwarmup_epochs: {warmup}\n"
    rules = [RULES["warmup-too-short"], RULES["warmup-below-100-iterations"]]
    for images, wanted in [(2_000, 13.0), (118_287, 3.0)]:
        once = fixed(text, audit(text, rules, images=images))
        assert config_of(once).value("warmup_epochs") == wanted
        assert not audit(once, rules, images=images).findings


def test_the_start_of_the_biases_is_a_doubtful_note() -> None:
    finding = only(audit_by("warmup-start-not-in-recipe", f"{X}warmup_bias_lr: 0.0\n"))
    assert finding.severity is Severity.NOTE
    assert "logs start them at 0" in finding.message
    assert finding.fix is not None
    assert not finding.fix.safe


# --- a recipe of one's own


def audit_by_own_recipe(folder: Path, values: str, text: str, version: str | None = None) -> Report:
    (folder / "own.yaml").write_text(f"name: own\nmodels: yolo11x\nbatch: 64\nsource: ours\nvalues: {{{values}}}\n")
    recipe = find_recipe(str(folder / "own.yaml"), "yolo11x")
    config = config_of(f"{OTHER}{text}", version)
    return run(RULES.values(), config, Surroundings(recipe=recipe))


@pytest.mark.parametrize(
    ("values", "version"),
    [
        ("scale: 1.5", "8.2.50"),
        ("scale: 1.5", None),
        ("mosaic: 2", None),
        ("epochs: 50.5", None),
        ("momentum: -1", "8.0.100"),
    ],
)
def test_a_value_that_the_release_refuses_is_no_fix(tmp_path: Path, values: str, version: str | None) -> None:
    finding = only(audit_by_own_recipe(tmp_path, values, "optimizer: SGD\n", version))
    assert finding.fix is None
    assert f"refuses {values.partition(': ')[2]}" in finding.message


@pytest.mark.parametrize("values", ["scale: [0.5, 1.5]", "epochs: 50.0", "mosaic: 1", "box: 2", "close_mosaic: 3"])
def test_a_value_that_the_release_takes_is_a_fix(tmp_path: Path, values: str) -> None:
    report = audit_by_own_recipe(tmp_path, values, "optimizer: SGD\nmosaic: 0.5\n")
    assert only(report).fix is not None


@pytest.mark.parametrize("optimizer", ["AdamW", "auto"])
def test_an_optimizer_that_the_release_does_not_take_is_no_fix(tmp_path: Path, optimizer: str) -> None:
    finding = only(audit_by_own_recipe(tmp_path, "optimizer: MuSGD", f"optimizer: {optimizer}\n", "8.2.50"))
    assert finding.fix is None
    fix = only(audit_by_own_recipe(tmp_path, "optimizer: musgd", f"optimizer: {optimizer}\n")).fix
    assert fix is not None
    assert fix.values == {"optimizer": "MuSGD"}


def test_the_paper_is_spoken_of_with_its_recipe_only(tmp_path: Path) -> None:
    values = "epochs: 7, scale: 0.1, mixup: 0.3, copy_paste: 0.2, mosaic: 0.5, warmup_bias_lr: 0.0, warmup_epochs: 9"
    report = audit_by_own_recipe(tmp_path, values, "optimizer: SGD\n")
    assert len(report.findings) == 7
    for finding in report.findings:
        assert not [word for word in ("paper", "author", "larger", "all sizes", "YOLOv10") if word in finding.message]
        assert finding.fix is not None


# --- the rest


def test_copy_paste_says_that_it_needs_polygons() -> None:
    assert "no effect on labels without polygons" in only(audit_by("copy-paste-for-size", X)).message


def test_weight_decay_says_what_the_optimizer_gets() -> None:
    evidence = only(audit_by("weight-decay-not-in-recipe", f"{X}batch: 256\nweight_decay: 0.002\n")).evidence
    assert "batch * accumulate / nbs" in evidence
    assert "0.008 at batch 256" in evidence
    unknown = only(audit_by("weight-decay-not-in-recipe", f"{X}batch: -1\nweight_decay: 0.002\n")).evidence
    assert unknown.endswith("trainer.py:321-322)")


@pytest.mark.parametrize(
    ("text", "has_fix"),
    [
        ("batch: 256\nnbs: 256\n", True),
        ("batch: 16\nnbs: 128\n", False),  # twice the images a step: lr0 belongs to it
        ("batch: -1\nnbs: 128\n", False),
    ],
)
def test_nbs_is_fixed_where_nothing_but_weight_decay_follows(text: str, has_fix: bool) -> None:
    finding = only(audit_by("nbs-changed", X + text))
    assert (finding.fix is not None) is has_fix
    assert finding.fix is None or not finding.fix.safe


@pytest.mark.parametrize("nbs", ["64", "64.0", "0", "many"])
def test_nbs_that_is_usual_or_no_size_is_not_changed(nbs: str) -> None:
    assert not audit_by("nbs-changed", f"{X}nbs: {nbs}\n").findings
