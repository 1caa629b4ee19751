"""A training on several GPUs did not follow the recipe of its model.

What         The options that ultralytics printed when the training started differ from what the model was trained with
             by its authors, and the training went to its end on several GPUs.
Why          The AP of a paper comes from its recipe. The defaults of ultralytics are those of another model: `scale`
             is 0.5 and not 0.9 for the larger YOLOv10, mixup and copy_paste are 0. That is the root of most reports of
             a lower AP on 8 GPUs. What remains comes from the batch of each GPU, which batch normalisation sees alone.
Example      engine/trainer: task=detect, mode=train, model=yolov10x.yaml, ..., scale=0.5, ...
Fix safety   no fix of the log: `patchkit audit` sets the options of the next training.
References   arXiv:2405.14458, Table 14; THU-MIG/yolov10#35, #364, #407, #500.
"""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from patchkit.findings import Finding, Severity, Span
from patchkit.recipes import find_recipe
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import audit
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog
from patchkit.subjects.train_log.ultralytics_run import Run

# Printed once the last epoch is over, and rarer than the words of `500 epochs completed in 61.2 hours.` before it.
END = Sign("Optimizer stripped", r"Optimizer stripped from")
# How long a run is, and who picks its optimizer, is seen by whoever started it; the authors ran `auto` themselves.
OPEN = ("optimizer", "epochs", "warmup_bias_lr")
SHOWN = 6


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    for end in log.with_sign(END)[-1:]:
        run = end.run
        wanted = _recipe(run)
        differing = {name: value for name, value in wanted.items() if name not in OPEN and _differs(run, name, value)}
        if differing and (run.gpus or 0) > 1:
            first = [f"{name}={run.option(name)}, not {value}" for name, value in list(differing.items())[:SHOWN]]
            model = run.option("model")
            yield Finding(
                f"{model} was not trained on {run.gpus} GPUs as its authors did: {'; '.join(first)}",
                Span(log.path, run.line),
                f"{run.line}: {_printed(run, ['model', 'device', *differing])}\n{evidence(end)}",
                commands=(audit(log, run),),
            )


def _recipe(run: Run) -> Mapping[str, Any]:
    """What the authors trained with; nothing for weights, which are trained already."""
    model = PurePosixPath(run.option("model") or "")
    recipe = find_recipe(None, model.stem) if model.suffix in (".yaml", ".yml") else None
    return recipe.values if recipe else {}


def _differs(run: Run, name: str, wanted: Any) -> bool:
    given = run.option(name)
    if given is None:
        return False
    try:
        return float(given) != float(wanted)
    except (TypeError, ValueError):
        return given != str(wanted)


def _printed(run: Run, names: list[str]) -> str:
    return ", ".join(f"{name}={run.options[name]}" for name in names[: SHOWN + 2])


BAD = """\
engine/trainer: task=detect, mode=train, model=yolov10x.yaml, data=coco.yaml, epochs=500, batch=256, \
device=0,1,2,3,4,5,6,7, scale={}, mixup=0.15, copy_paste=0.3, save_dir=runs/detect/train
500 epochs completed in 61.204 hours.
Optimizer stripped from runs/detect/train/weights/last.pt, 64.4MB
"""

RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN_LOG,),
    check,
    (Example(BAD.format("0.5"), BAD.format("0.9")),),
    signs=(END,),
)
