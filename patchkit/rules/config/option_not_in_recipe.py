"""Another option differs from the recipe.

What         An option that no other rule looks at has another value than in a recipe of your own.
Why          The recipe that comes with patchkit holds what YOLOv10 was trained with. One of your own, `--recipe FILE`,
             may hold any option, such as `imgsz` or `cos_lr`: all of them are compared.
Example      `imgsz: 640` with a recipe that says 1280.
Fix safety   safe: sets the value of the recipe.
References   the recipe itself names its source.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.recipes import Recipe
from patchkit.recipes.compare import differing
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN, TrainConfig

# Each has a rule of its own.
COVERED = frozenset(
    (
        *("box", "close_mosaic", "cls", "copy_paste", "dfl"),
        *("epochs", "hsv_h", "hsv_s", "hsv_v", "lr0", "lrf"),
        *("mixup", "momentum", "mosaic", "optimizer", "scale", "translate"),
        *("warmup_bias_lr", "warmup_epochs", "warmup_momentum", "weight_decay"),
    )
)


def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding]:
    for key in around.recipe.values if around.recipe else ():
        if key not in COVERED:
            finding = differing(config, around, key, "the recipe says so")
            if finding is not None:
                yield finding


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    check,
    (
        Example(
            "model: yolo11x.yaml\nimgsz: 640\n",
            "model: yolo11x.yaml\nimgsz: 1280\n",
            {"recipe": Recipe("ours-", "x", {"imgsz": 1280}, "our notes", 128, "our notes")},
        ),
    ),
)
