"""Mixed precision is off.

What         `amp` is false, or `fp32`.
Why          Training in full precision takes more memory and more time for each image, so that fewer images
             fit on a GPU. Every release since 8.0.57 has it on, and tests at the start that it is sound on this GPU.
Example      `amp: false`.
Fix safety   unsafe: it may be off because a GPU gave NaN losses with it.
References   default.yaml of 8.0.57 and later; ultralytics 8.2.50, engine/trainer.py:259; 8.4.190,
             engine/trainer.py:412.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import TRAIN, TrainConfig


def check(config: TrainConfig, _: Surroundings) -> Iterator[Finding]:
    amp = config.value("amp")
    if config.entry("amp") is None or not (amp is False or str(amp).lower() == "fp32"):
        return
    message = f"amp is {amp}, {config.origin('amp')}: full precision takes more memory and time for each image"
    evidence = (
        "amp is true in the default.yaml of every release since 8.0.57; off: ultralytics 8.2.50, engine/trainer.py:267"
    )
    yield Finding(message, config.span("amp"), evidence, Fix("amp: true", {"amp": True}, safe=False))


RULE = Rule(
    __name__,
    Severity.NOTE,
    (TRAIN,),
    check,
    (
        Example("amp: false\n", "amp: True\n"),
        Example("amp: fp32\n", "amp: True\n"),
    ),
)
