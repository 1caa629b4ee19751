"""The rules for configurations of PaddleDetection."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from patchkit.errors import BrokenPack
from patchkit.findings import Finding, Report, Severity
from patchkit.recipes.linear import LinearRule
from patchkit.recipes.paddle import find_paddle_recipe, paddle_recipes
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule, load_rules, run
from patchkit.subjects.fixing import applicable
from patchkit.subjects.paddle.config import PaddleConfig
from patchkit.subjects.paddle.leaf import overridden
from tests.paddle_tree import OWN, TREE, again, alone, grow, own

RULES = {rule.id: rule for rule in load_rules("patchkit.rules.paddle")}
BY_HAND = {"key-given-twice", "section-of-wrong-type"}  # rules without a fix
EXAMPLES = [(rule, example) for rule in RULES.values() for example in rule.examples]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    grow(tmp_path, TREE)
    return tmp_path


def audit(config: PaddleConfig, rules: Iterable[Rule] = tuple(RULES.values()), **options: Any) -> Report:
    options.pop("files", None)
    return run(rules, config, PaddleSurroundings(gpus_are_given="gpus" in options, **options))


def audit_by(rule: str, config: PaddleConfig, **options: Any) -> Report:
    return audit(config, [RULES[rule]], **options)


def only(report: Report) -> Finding:
    (finding,) = report.findings
    return finding


def fixed(config: PaddleConfig, report: Report, *, unsafe: bool = True) -> bytes:
    values: dict[str, Any] = {}
    for finding in applicable(report.findings, unsafe=unsafe):
        assert finding.fix is not None
        values.update(finding.fix.values)
    return overridden(config, values)


def found(report: Report) -> set[str]:
    return {finding.rule for finding in report.findings}


def test_no_rule_is_lost() -> None:
    assert set(RULES) == {
        "amp-on-paddle-2-3",
        "base-is-no-list",
        "base-lr-not-linear",
        "ema-off",
        "key-given-twice",
        "norm-not-synchronised",
        "num-classes-differ",
        "number-is-text",
        "reg-range-refused",
        "schedule-not-moved",
        "section-of-wrong-type",
        "static-assigner-not-moved",
        "warmup-missing",
        "warmup-not-moved",
    }
    assert not set(RULES) & {rule.id for rule in load_rules("patchkit.rules.config")}
    for rule in RULES.values():
        for word in ("What  ", "Why  ", "Example  ", "Fix safety  ", "References  "):
            assert word in rule.documentation


@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=[rule.id for rule, _ in EXAMPLES])
def test_the_fix_of_an_example_takes_its_finding_away(rule: Rule, example: Example, tmp_path: Path) -> None:
    grow(tmp_path, dict(example.options.get("files", {})))
    config = own(tmp_path, example.bad, "own.yml")
    report = audit(config, [rule], **example.options)
    assert report.findings
    assert all(finding.evidence and finding.message for finding in report.findings)
    assert all((finding.fix is None) == (rule.id in BY_HAND) for finding in report.findings)
    once = example.good.encode() if rule.id in BY_HAND else fixed(config, report)
    assert once.decode() == example.good
    clean = audit(again(config, once), [rule], **example.options)
    assert clean.findings == ()
    assert fixed(again(config, once), clean) == once


@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=[rule.id for rule, _ in EXAMPLES])
def test_all_fixes_together_leave_nothing_to_fix(rule: Rule, example: Example, tmp_path: Path) -> None:
    grow(tmp_path, dict(example.options.get("files", {})))
    config = own(tmp_path, example.bad, "own.yml")
    for _ in range(2):  # a learning rate that was text is scaled in the second round
        config = again(config, fixed(config, audit(config, **example.options)))
    assert found(audit(config, **example.options)) <= BY_HAND


def test_the_published_configuration_is_clean_on_eight_gpus(tree: Path) -> None:
    report = audit(own(tree), gpus=8)
    assert report.findings == ()
    assert {skipped.rule for skipped in report.skipped} == {"num-classes-differ"}
    assert audit(own(tree), gpus=4, nodes=2).findings == ()


def test_a_finding_on_an_inherited_value_names_its_base_and_is_fixed_in_the_leaf(tree: Path) -> None:
    config = own(tree, f"{OWN}epoch: 36\n")
    report = audit(config, gpus=4)
    assert found(report) == {
        "base-lr-not-linear",
        "schedule-not-moved",
        "static-assigner-not-moved",
        "warmup-not-moved",
    }
    finding = only(audit_by("base-lr-not-linear", config, gpus=4))
    assert Path(finding.location.path).name == "optimizer_80e.yml"
    assert "optimizer_80e.yml:4; 4 GPUs with 8 images each need 0.0005: 0.001 * (8 * 4) / (8 * 8)" in finding.message
    before = {path: path.read_bytes() for path in config.bases}
    clean = again(config, fixed(config, report, unsafe=False))
    assert audit(clean, gpus=4).findings == ()
    assert clean.value("LearningRate.schedulers.0.max_epochs") == 43
    assert {path: path.read_bytes() for path in config.bases} == before


@pytest.mark.parametrize(
    ("name", "batch", "gpus", "lr"),
    [
        ("ppyoloe_plus_crn_s_80e_coco", 8, 8, 0.001),
        ("ppyoloe_plus_crn_x_80e_coco", 8, 1, 0.000125),
        ("ppyoloe_crn_l_300e_coco", 8, 8, 0.01),
        ("ppyoloe_crn_l_300e_coco", 20, 8, 0.025),
        ("ppyoloe_crn_s_400e_coco", 8, 4, 0.005),
        ("ppyoloe_plus_crn_t_auxhead_relu_320_300e_coco", 8, 8, 0.01),
        ("ppyoloe_plus_crn_m_80e_sku110k", 8, 8, 0.004),
        ("ppyoloe_plus_crn_x_80e_sku110k", 8, 8, 0.004),
        ("ppyoloe_plus_crn_l_30e_voc", 8, 2, 0.00025),
        ("ppyoloe_crn_l_36e_coco_xpu", 8, 1, 0.00125),
        ("ppyoloe_crn_l_36e_coco_xpu", 8, 8, 0.01),
        ("ppyoloe_plus_crn_s_60e_objects365", 8, 24, 0.001),
        ("ppyoloe_crn_m_80e_pcb", 8, 8, 0.001),
        ("ppyoloe_plus_crn_m_80e_obj365_pretrained_wgisd", 8, 8, 0.001),
    ],
)
def test_the_learning_rate_follows_the_table(name: str, batch: int, gpus: int, lr: float) -> None:
    text = "LearningRate: {{base_lr: {}}}\nTrainReader: {{batch_size: {}}}\n"
    rule = "base-lr-not-linear"
    assert audit_by(rule, alone(text.format(lr, batch), f"{name}.yml"), gpus=gpus) == Report(())
    fix = only(audit_by(rule, alone(text.format(0.5, batch), f"{name}.yml"), gpus=gpus)).fix
    assert fix is not None
    assert fix.values == {"LearningRate.base_lr": pytest.approx(lr)}


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("LearningRate: {base_lr: 0.5}\n", {}, "give --gpus"),
        ("LearningRate: {base_lr: 0.5}\n", {"gpus": 8}, "no default learning rate"),
        ("LearningRate: {base_lr: 1e-3}\n", {"gpus": 8}, "no number"),
        ("TrainReader: {batch_size: 0}\n", {"gpus": 8}, "batch_size is 0"),
        ("OptimizerBuilder: {optimizer: {type: AdamW}}\n", {"gpus": 8}, "AdamW"),
    ],
)
def test_without_a_base_the_learning_rate_is_skipped(text: str, options: dict[str, int], words: str) -> None:
    report = audit_by("base-lr-not-linear", alone(text), **options)
    assert report.findings == ()
    assert words in report.skipped[0].reason


def test_the_learning_rate_may_be_kept_or_have_a_base_of_its_own() -> None:
    config = alone("LearningRate: {base_lr: 0.5}\nTrainReader: {batch_size: 8}\n")
    assert audit_by("base-lr-not-linear", config, gpus=8, keeps_lr=True) == Report(())
    finding = only(audit_by("base-lr-not-linear", config, gpus=8, linear=LinearRule(0.1, 32, 1.0)))
    assert finding.fix is not None
    assert finding.fix.values == {"LearningRate.base_lr": 0.2}
    assert "as given" in finding.evidence


SCHEDULE = "epoch: {}\nPPYOLOEHead: {{}}\nLearningRate:\n  schedulers:\n  - !{}\n  - !LinearWarmup {{epochs: 1}}\n"


@pytest.mark.parametrize(
    ("epoch", "decay", "severity"),
    [
        (80, "CosineDecay {max_epochs: 96}", None),
        (36, "CosineDecay {max_epochs: 43}", None),
        (90, "CosineDecay {max_epochs: 96}", Severity.NOTE),
        (80, "CosineDecay {max_epochs: 80}", None),
        (100, "CosineDecay {max_epochs: 96}", Severity.WARNING),
        (60, "CosineDecay {max_epochs: 96}", Severity.WARNING),
        (60, "CosineDecay {}", Severity.WARNING),
        (60, "CosineDecay {max_epochs: many}", None),
        (12, "PiecewiseDecay {milestones: [8, 11]}", None),
        (10, "PiecewiseDecay {milestones: [8, 11]}", Severity.NOTE),
        (36, "PiecewiseDecay {milestones: [36]}", None),
        (12, "PiecewiseDecay {milestones: [8, 12]}", None),
        (12, "PiecewiseDecay {milestones: [12, 16]}", Severity.NOTE),
        (12, "PiecewiseDecay {milestones: [.inf, x, 8, 13]}", Severity.NOTE),
        (60, "CosineDecay {max_epochs: .inf}", None),
        (10, "PiecewiseDecay {}", None),
    ],
)
def test_the_schedule_moves_with_the_epochs(epoch: int, decay: str, severity: Severity | None) -> None:
    report = audit_by("schedule-not-moved", alone(SCHEDULE.format(epoch, decay)))
    assert [finding.severity for finding in report.findings] == ([severity] if severity else [])


def test_other_models_may_have_a_schedule_of_their_own() -> None:
    text = SCHEDULE.replace("PPYOLOEHead: {{}}\n", "")
    assert audit_by("schedule-not-moved", alone(text.format(36, "CosineDecay {max_epochs: 96}"))) == Report(())
    assert audit_by("schedule-not-moved", alone(text.format(36, "CosineDecay {max_epochs: 30}"))).findings
    assert audit_by("schedule-not-moved", alone("LearningRate: {}\n")).skipped


@pytest.mark.parametrize(
    ("schedulers", "severity", "words"),
    [
        ("[!CosineDecay {}, !LinearWarmup {epochs: 5}]", None, ""),
        ("[{name: CosineDecay}, {name: ExpWarmup}]", None, ""),
        ("[{name: CosineDecay}]", Severity.ERROR, "IndexError"),
        ("[!PiecewiseDecay {milestones: [8]}]", Severity.ERROR, "IndexError"),
        ("[!LinearWarmup {}, !CosineDecay {}]", Severity.ERROR, "where the decay must be"),
        ("[!CosineDecay {use_warmup: False}]", Severity.WARNING, "full learning rate"),
        ("[!CosineDecay {use_warmup: False}, !LinearWarmup {}]", Severity.WARNING, "full learning rate"),
    ],
)
def test_a_warm_up_is_missed(schedulers: str, severity: Severity | None, words: str) -> None:
    config = alone(f"epoch: 80\nPPYOLOEHead: {{}}\nLearningRate: {{schedulers: {schedulers}}}\n")
    report = audit_by("warmup-missing", config)
    assert [finding.severity for finding in report.findings] == ([severity] if severity else [])
    assert all(words in finding.message for finding in report.findings)
    if severity and report.findings[0].fix:
        assert audit_by("warmup-missing", again(config, fixed(config, report))).findings == ()


@pytest.mark.parametrize(
    ("epoch", "warmup", "wanted"),
    [
        (80, "epochs: 5", None),
        (80, "epochs: 3", 5),
        (40, "epochs: 2", None),
        (40, "epochs: 1", 2),
        (36, "epochs: 5", 2),
        (160, "epochs: 5", None),
        (1, "epochs: 1", None),
    ],
)
def test_the_warm_up_moves_with_the_epochs(tree: Path, epoch: int, warmup: str, wanted: int | None) -> None:
    lists = f"LearningRate: {{schedulers: [!CosineDecay {{}}, !LinearWarmup {{{warmup}}}]}}\n"
    report = audit_by("warmup-not-moved", own(tree, f"{OWN}epoch: {epoch}\n{lists}"))
    fixes = [finding.fix.values for finding in report.findings if finding.fix]
    assert fixes == ([{"LearningRate.schedulers.1.epochs": wanted}] if wanted else [])


@pytest.mark.parametrize("warmup", ["", "steps: 1000", "epochs: 5, epochs_first: False"])
def test_a_warm_up_in_steps_is_skipped(warmup: str) -> None:
    text = (
        f"epoch: 80\nPPYOLOEHead: {{}}\nLearningRate: {{schedulers: [!CosineDecay {{}}, !LinearWarmup {{{warmup}}}]}}\n"
    )
    report = audit_by("warmup-not-moved", alone(text))
    assert (len(report.findings), len(report.skipped)) == (0, 1)
    alone_decay = "epoch: 80\nPPYOLOEHead: {}\nLearningRate: {schedulers: [!CosineDecay {}]}\n"
    assert audit_by("warmup-not-moved", alone(alone_decay)) == Report(())
    assert audit_by("warmup-not-moved", alone("LearningRate: {}\n")) == Report(())


@pytest.mark.parametrize(
    ("name", "epoch", "static", "wanted"),
    [
        ("ppyoloe_crn_s_400e_coco", 400, 133, None),
        ("ppyoloe_crn_s_400e_coco", 400, 100, None),  # less than a tenth away
        ("ppyoloe_crn_l_300e_coco", 80, 100, 27),
        ("ppyoloe_plus_crn_l_80e_coco", 300, 30, 112),
        ("ppyoloe_plus_crn_l_30e_voc", 30, 4, None),
        ("own", 80, 30, None),
        ("own", 80, -1, None),
        ("own", 30, 30, 10),
    ],
)
def test_the_static_assigner_moves_with_the_epochs(name: str, epoch: int, static: int, wanted: int | None) -> None:
    text = f"epoch: {epoch}\nPPYOLOEHead: {{static_assigner_epoch: {static}}}\n"
    report = audit_by("static-assigner-not-moved", alone(text, f"{name}.yml"))
    fixes = [finding.fix.values for finding in report.findings if finding.fix]
    assert fixes == ([{"PPYOLOEHead.static_assigner_epoch": wanted}] if wanted else [])


def test_plain_batchnorm_matters_on_several_gpus_only() -> None:
    config = alone("norm_type: bn\nPPYOLOEHead: {}\n")
    assert audit_by("norm-not-synchronised", config, gpus=1) == Report(())
    assert audit_by("norm-not-synchronised", config).skipped
    assert audit_by("norm-not-synchronised", config, gpus=1, nodes=2).findings
    assert audit_by("norm-not-synchronised", alone("norm_type: bn\n"), gpus=8) == Report(())


@pytest.mark.parametrize(
    ("amp", "paddle", "findings", "skipped"),
    [
        (True, "2.3.2", 1, 0),
        (True, "2.30.0", 0, 0),
        (True, "2.6.2", 0, 0),
        (True, None, 0, 1),
        (False, None, 0, 0),
        (False, "2.3.0", 0, 1),
    ],
)
def test_mixed_precision_is_found_on_paddle_2_3(amp: bool, paddle: str | None, findings: int, skipped: int) -> None:
    report = audit_by("amp-on-paddle-2-3", alone(f"amp: {amp}\nPPYOLOEHead: {{}}\n"), paddle=paddle)
    assert (len(report.findings), len(report.skipped)) == (findings, skipped)
    assert audit_by("amp-on-paddle-2-3", alone("amp: true\nmetric: COCO\n"), paddle="2.3.0") == Report(())


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("reg_range: [-2, 8]", None),
        ("reg_range: [0, 17]", None),
        ("reg_range: ~", None),
        ("reg_range: [], reg_max: 8", None),
        ("reg_max: 1", None),
        ("reg_range: [0, 1]", "fewer than 2 bins"),
        ("reg_range: [5, 2]", "fewer than 2 bins"),
        ("reg_range: [2, 17]", "clipped"),
        ("reg_range: [-4, 1]", "clipped"),
        ("reg_range: [0.5, 17]", "two whole numbers"),
        ("reg_range: [0, 8, 17]", "two whole numbers"),
        ("reg_range: 17", "two whole numbers"),
        ("reg_max: 0", "whole number"),
        ("reg_max: 15.5", "whole number"),
        ("reg_max: true", "whole number"),
    ],
)
def test_the_range_must_suit_the_loss(head: str, words: str | None) -> None:
    report = audit_by("reg-range-refused", alone(f"PPYOLOEHead: {{{head}}}\n"))
    assert len(report.findings) == (words is not None)
    assert all((words or "") in finding.message for finding in report.findings)
    assert audit_by("reg-range-refused", alone("metric: COCO\nnum_classes: 3\n")) == Report(())


ANNOTATIONS = "dataset/fruit/annotations/train.json"


def test_the_classes_are_counted_in_the_annotations(tree: Path) -> None:
    categories = [{"id": id, "name": str(id)} for id in (1, 5, 9)]
    grow(tree, {ANNOTATIONS: json.dumps({"images": [], "categories": categories})})
    assert audit_by("num-classes-differ", own(tree)) == Report(())
    too_many = only(audit_by("num-classes-differ", own(tree, f"{OWN}num_classes: 4\n")))
    too_few = only(audit_by("num-classes-differ", own(tree, f"{OWN}num_classes: 2\n")))
    assert (too_many.severity, too_many.fix and too_many.fix.safe) == (Severity.WARNING, False)
    assert (too_few.severity, too_few.fix and too_few.fix.safe) == (Severity.ERROR, True)
    assert "has 3 categories" in too_few.message


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no categories"),
        ('{"categories": []}', "no categories"),
        (None, "there are no annotations"),
    ],
)
def test_annotations_that_cannot_be_counted_are_skipped(tree: Path, annotations: str | None, words: str) -> None:
    if annotations is not None:
        grow(tree, {ANNOTATIONS: annotations})
    assert words in audit_by("num-classes-differ", own(tree)).skipped[0].reason


def test_annotations_that_may_not_be_read_are_skipped(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    grow(tree, {ANNOTATIONS: "{}"})
    config = own(tree)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "Permission denied" in audit_by("num-classes-differ", config).skipped[0].reason


def test_annotations_of_another_kind_or_size_are_skipped(tree: Path) -> None:
    assert (
        "VOC" in audit_by("num-classes-differ", own(tree, f"{OWN}TrainDataset: !VOCDataSet {{}}\n")).skipped[0].reason
    )
    grow(tree, {ANNOTATIONS: "{}"})
    os.truncate(tree / ANNOTATIONS, (64 << 20) + 1)
    assert "64 MiB" in audit_by("num-classes-differ", own(tree)).skipped[0].reason
    assert audit_by("num-classes-differ", alone("num_classes: 3\nmetric: COCO\n")) == Report(())


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("LearningRate: {base_lr: fast}\n", None),
        ("LearningRate: {base_lr: nan}\n", None),
        ("LearningRate: {base_lr: 1e-3}\n", {"LearningRate.base_lr": 0.001}),
        ("OptimizerBuilder: {optimizer: {momentum: '0.9'}}\n", {"OptimizerBuilder.optimizer.momentum": 0.9}),
        ("OptimizerBuilder: {regularizer: {factor: 5e-4}}\n", {"OptimizerBuilder.regularizer.factor": 0.0005}),
        ("epoch: '36'\n", {"epoch": 36}),
        ("epoch: '36.5'\n", None),
        ("TrainReader: {batch_size: '8'}\n", {"TrainReader.batch_size": 8}),
        (
            "LearningRate: {schedulers: [!CosineDecay {max_epochs: '96'}]}\n",
            {"LearningRate.schedulers.0.max_epochs": 96},
        ),
        ("LearningRate: {schedulers: [{}, {epochs: '5'}]}\n", {"LearningRate.schedulers.1.epochs": 5}),
        ("use_ema: 'False'\n", {"use_ema": False}),
        ("amp: 'yes'\n", {"amp": True}),
        ("amp: O1\n", None),
    ],
)
def test_a_number_of_text_is_an_error(text: str, values: dict[str, Any] | None) -> None:
    finding = only(audit_by("number-is-text", alone(text)))
    assert finding.severity is Severity.ERROR
    assert (finding.fix and finding.fix.values) == values
    assert finding.fix is None or finding.fix.safe


def test_numbers_are_no_text(tree: Path) -> None:
    text = f"{OWN}LearningRate: {{base_lr: 1.0e-3}}\nuse_ema: on\n"
    assert audit_by("number-is-text", own(tree, text)) == Report(())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PPYOLOEHead: 5\n", "PPYOLOEHead is 5, set in the file, where a mapping is needed"),
        ("TrainReader: []\n", "TrainReader is []"),
        ("LearningRate: ~\n", "LearningRate is ~"),
        ("LearningRate:\n", "LearningRate is empty"),
        ("OptimizerBuilder: {optimizer: Momentum}\n", "OptimizerBuilder.optimizer is Momentum"),
        ("LearningRate: {schedulers: {name: CosineDecay}}\n", "where a list is needed"),
        ("LearningRate: {schedulers: [5, !LinearWarmup ]}\n", "LearningRate.schedulers.0 is 5"),
        ("OptimizerBuilder: {regularizer: false}\nTrainDataset: !COCODataSet\n", None),
    ],
)
def test_a_section_must_be_a_mapping(tree: Path, text: str, words: str | None) -> None:
    report = audit_by("section-of-wrong-type", own(tree, OWN + text))
    assert len(report.findings) == (words is not None)
    assert all((words or "") in finding.message for finding in report.findings)


def test_every_earlier_key_is_found() -> None:
    report = audit_by("key-given-twice", alone("epoch: 1\nx: 1\nepoch: 2\nepoch: 3\n"))
    assert [finding.location.line for finding in report.findings] == [1, 3]
    assert "again in line 4" in report.findings[0].message


@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan", "1" * 400, "0x" + "f" * 5000, "1.0e+308", "-1", "~", "[]"])
@pytest.mark.parametrize(
    "key",
    [
        "epoch: {}",
        "TrainReader: {{batch_size: {}}}",
        "LearningRate: {{base_lr: {}}}",
        "PPYOLOEHead: {{static_assigner_epoch: {}, reg_max: {}}}",
        "PPYOLOEHead: {{reg_range: [0, {}]}}",
        "num_classes: {}",
        "use_ema: {}",
        "amp: {}",
        "norm_type: {}",
        "weights: {}",
        "OptimizerBuilder: {{optimizer: {{type: {}}}}}",
        "LearningRate: {{schedulers: [!CosineDecay {{max_epochs: {}}}, !LinearWarmup {{epochs: {}}}]}}",
        "LearningRate: {{schedulers: [!PiecewiseDecay {{milestones: [8, {}]}}, !LinearWarmup {{steps: {}}}]}}",
    ],
)
def test_no_number_makes_a_rule_fail(tree: Path, key: str, value: str) -> None:
    audit(own(tree, f"{OWN}{key.format(value, value)}\n"), gpus=8)


@pytest.mark.parametrize("value", [".inf", ".nan", "1" * 400])
def test_what_is_no_number_is_skipped_with_a_reason(tree: Path, value: str) -> None:
    report = audit(own(tree, f"{OWN}epoch: {value}\nTrainReader: {{batch_size: {value}}}\n"), gpus=8)
    assert report.findings == ()
    assert {skipped.rule for skipped in report.skipped} >= {
        "base-lr-not-linear",
        "schedule-not-moved",
        "static-assigner-not-moved",
        "warmup-not-moved",
    }
    text = (
        "PPYOLOEHead: {{static_assigner_epoch: {0}}}\n"
        "LearningRate: {{schedulers: [!CosineDecay {{}}, !LinearWarmup {{epochs: {0}}}]}}\n"
    )
    config = own(tree, OWN + text.format(value))
    assert audit_by("static-assigner-not-moved", config).skipped
    assert "no number of epochs" in audit_by("warmup-not-moved", config).skipped[0].reason


@pytest.mark.parametrize(
    ("base_lr", "severity", "safe"),
    [
        ("", Severity.WARNING, True),  # inherited
        ("LearningRate: {base_lr: 0.001}\n", Severity.WARNING, False),  # left from 8 GPUs
        ("LearningRate: {base_lr: 0.01}\n", Severity.NOTE, False),  # of a training of its own
        ("LearningRate: {base_lr: 0.0005}\n", None, None),
    ],
)
def test_a_rate_that_is_set_over_a_known_base_may_be_meant(
    tree: Path, base_lr: str, severity: Severity | None, safe: bool | None
) -> None:
    report = audit_by("base-lr-not-linear", own(tree, OWN + base_lr), gpus=4)
    assert [(one.severity, one.fix and one.fix.safe) for one in report.findings] == (
        [(severity, safe)] * bool(severity)
    )


def test_a_published_fine_tuning_is_no_more_than_a_note(tree: Path) -> None:
    tuned = (
        f"{OWN}weights: output/tuned/model_final\nepoch: 36\nLearningRate:\n  base_lr: 0.0001\n  schedulers:\n"
        "  - !CosineDecay {max_epochs: 43}\n  - !LinearWarmup {epochs: 1}\nPPYOLOEHead: {static_assigner_epoch: 4}\n"
    )
    grow(tree, {"configs/ppyoloe/tuned.yml": tuned})
    for config in (own(tree, tuned), own(tree, "_BASE_: [tuned.yml]\n")):
        report = audit(config, gpus=8)
        assert found(report) == {"base-lr-not-linear", "static-assigner-not-moved", "warmup-not-moved"}
        assert {finding.severity for finding in report.findings} == {Severity.NOTE}
        assert applicable(report.findings, unsafe=False) == []
    assert "it is set over ppyoloe_plus_crn_l_80e_coco" in only(audit_by("base-lr-not-linear", config, gpus=8)).message


def test_the_rate_of_a_recipe_is_capped(tree: Path) -> None:
    finding = only(audit_by("base-lr-not-linear", own(tree), gpus=32, max_lr=0.002))
    assert finding.fix is not None
    assert finding.fix.values == {"LearningRate.base_lr": 0.002}
    assert "capped at 0.002" in finding.message


def test_a_recipe_without_a_warm_up_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.yaml"
    row = "recipes:\n- {name: x, epochs: 1, base_lr: 0.1, batch: 1, gpus: 1, source: here"
    table.write_text(f"{row}}}\n")
    with pytest.raises(BrokenPack, match="x says neither"):
        paddle_recipes(table)
    table.write_text(f"{row}, warmup_epochs: steps}}\n")
    ((pattern, recipe),) = paddle_recipes(table)
    assert (pattern, recipe.warmup_epochs) == ("x", None)
    assert paddle_recipes() is paddle_recipes()


def test_a_recipe_is_known_by_the_file_its_weights_or_a_base(tree: Path) -> None:
    assert find_paddle_recipe(["own", "faster_rcnn_r50_fpn_1x_coco"]) is None
    recipe = find_paddle_recipe(own(tree).names)
    assert recipe is not None
    assert (recipe.name, recipe.epochs, recipe.gpus) == ("ppyoloe_plus_crn_l_80e_coco", 80, 8)
    assert own(tree, f"{OWN}weights: output/best/model_final\n").names[:2] == ["own", "best"]
