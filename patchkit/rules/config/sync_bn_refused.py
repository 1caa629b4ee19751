"""The release does not know `sync_bn`.

What         The file sets `sync_bn`, which no release of ultralytics has by itself.
Why          An unknown option is refused: the training ends before it starts. With false nothing is lost by leaving the
             line out; with true the synchronisation that was wanted exists only in a patched release.
Example      `sync_bn: true` for any release as it comes from the registry.
Fix safety   no fix of the file: it is the installation that lacks the option.
References   ultralytics 8.2.50, cfg/__init__.py:399; no default.yaml from 8.0.14 to 8.4.190 holds the key.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import TRAIN, TrainConfig


def check(config: TrainConfig, _: Surroundings) -> Iterator[Finding]:
    if config.entry("sync_bn") is None or "sync_bn" in config.release.defaults:
        return
    message = (
        f"sync_bn is set, but {config.release.label} refuses the option: 'sync_bn' is not a valid YOLO argument; "
        "leave it out, or patch the release: `patchkit apply ultralytics-sync-bn`"
    )
    yield Finding(message, config.span("sync_bn"), f"{config.release.source}: it has no sync_bn")


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN,),
    check,
    (Example("batch: 64\nsync_bn: true\n", "batch: 64\n"),),
)
