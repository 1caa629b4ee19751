"""A model yaml holds options of the training.

What         A key of the model yaml is a training option: lr0, mixup, copy_paste, momentum; or `scale` is a number.
Why          Nothing reads them there: a model yaml gives layers and sizes, the training takes its options from
             elsewhere. `scale` is overwritten by the letter of the size in the file name; where a program passes the
             mapping itself it is looked up in `scales`, and ends in a KeyError.
Example      `scale: 0.9` in yolov10x.yaml.
Fix safety   no fix: the value belongs into a training configuration (`yolo train cfg=FILE`), such as `--fix` writes.
References   ultralytics 8.2.50, nn/tasks.py:1012 (overwritten), nn/tasks.py:892 (looked up); 8.4.190, nn/tasks.py:2303.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TrainConfig
from patchkit.subjects.fixing import train_name

OF_MODELS = {"end2end"}  # an option of 8.4.8 to 8.4.141, and a key of the models of 8.4
EVIDENCE = "ultralytics 8.2.50, nn/tasks.py:879: of the file only layers, sizes and classes are read"
EVIDENCE_OF_SCALE = "ultralytics 8.2.50, nn/tasks.py:1012: the letter in the file name is put in its place"


def check(config: TrainConfig, _: Surroundings) -> Iterator[Finding]:
    advice = f"put it into a training configuration, such as the {train_name(config)} that --fix writes"
    for key, entry in config.file.entries.items():
        if key == "scale" and isinstance(entry.node.value, (int, float)):
            message = (
                f"scale is {entry.node.text} in a model yaml, where it is the letter of the size: the augmentation "
                f"stays at its default, and a KeyError follows where the mapping itself is passed on; {advice}"
            )
            yield Finding(message, entry.span, EVIDENCE_OF_SCALE)
        elif key != "scale" and key not in OF_MODELS and key in {*config.release.defaults, "sync_bn"}:
            message = f"{key} is an option of the training, and has no effect in a model yaml; {advice}"
            yield Finding(message, entry.span, EVIDENCE)


_MODEL = "nc: 80\nscales: {x: [1.0, 1.25, 512]}\nbackbone: []\nhead: []\n"
RULE = Rule(
    __name__,
    Severity.ERROR,
    (MODEL,),
    check,
    (
        Example(f"{_MODEL}scale: 0.9\n", f"{_MODEL}scale: x\n"),
        Example(f"{_MODEL}lr0: 0.01\nmixup: 0.15\n", _MODEL),
    ),
)
