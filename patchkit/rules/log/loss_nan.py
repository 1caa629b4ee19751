"""The loss is not a number.

What         A loss is printed as nan, from the first epoch or from a later one, or the trainer says so itself.
Why          From the first epoch it is most often the data, such as boxes that are NaN, empty or not normalised, or a
             learning rate without warm-up. Later it is a learning rate that is too high for the batch, or an overflow
             under mixed precision (`amp=False` tells). Once a weight is NaN everything after it is: later errors come
             of it.
Example      `1/100 3.2G nan nan nan 12 640`
Fix safety   no fix of the log.
References   PaddleDetection#6093; ultralytics 8.4.190 engine/trainer.py:1089-1114, the recovery from NaN.
"""

import re
from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import audit, check_data, trainer_at
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

# Not `best_loss: nan` before the first epoch, not `loss is nan? False`.
NAMED = (
    r"(?<![Bb]est[_ ])(?<!prev_)(?<!last_)(?<!min_)(?<!lr_)"
    r"[Ll][Oo][Ss][Ss][\w./]{0,40}['\"]?\s{0,3}(?:[:=]|is)\s{0,3}(?:tensor\()?nan\b(?!\?| \(no )"
)
IF = r"\b[Ii]f (?:the |training )?[Ll]oss (?:is|becomes) nan"
# The progress bar of ultralytics: epoch, memory, losses, instances, size.
ROW = r"^\s{0,12}\d{1,6}/\d{1,6}\s{1,20}[\d.]{1,12}[KMGT]?\s[\s\d.e+-]{0,200}nan\b"
SIGNS = (
    Sign("nan", f"{ROW}|{NAMED}", IF),
    Sign("Loss NaN", r"Loss NaN/Inf detected"),
    Sign("Training failed: NaN", r"Training failed: NaN persisted"),
    Sign("Loss became", r"Loss became infinite or NaN"),
)
# Counted from 1, `1/100` and `Epoch [1]`; or from 0, `Epoch: [0]`, `Epoch 0:`. `12/100 [==>` is a step of Keras.
# 2024/05/01 is a day.
FROM_ONE = re.compile(r"^\s{0,12}(\d{1,6})/\d{1,6}(?![\d/]| ?\[[=>.])|[Ee]poch(?:\(train\))? {1,3}\[(\d{1,6})\]")
FROM_ZERO = re.compile(r"[Ee]poch: ?\[?(\d{1,6})|[Ee]poch (\d{1,6}):")
FIRST = "from the first epoch"


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    for line in log.with_sign(*SIGNS)[:1]:
        since = _since(line.text)
        look = check_data(log, line.run, trainer_at(log, line, _trainer(line.text)))
        commands = [look, audit(log, line.run)] if since in ("", FIRST) else [audit(log, line.run), look]
        when = since or f"since line {line.number}"
        yield Finding(f"the loss is nan {when}", log.span(line), evidence(line), commands=tuple(commands))


def _since(text: str) -> str:
    """The epoch of a line, by the number that the log gives it; empty if it gives none."""
    if match := FROM_ONE.search(text):
        epoch, first = int(match[1] or match[2]), 1  # YOLOv5 starts with 0/299
    elif match := FROM_ZERO.search(text):
        epoch, first = int(match[1] or match[2]), 0
    else:
        return ""
    return FIRST if epoch <= first else f"since epoch {epoch}"


def _trainer(text: str) -> str:
    """Who prints such a line; empty if it does not tell."""
    if "ppdet" in text:
        return "paddledetection"
    return "ultralytics" if re.search(ROW, text) else ""


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "      1/100      3.21G        nan        nan        nan         12        640: 100%\n",
            "      1/100      3.21G      1.402      0.911      1.204         12        640: 100%\n",
        ),
        Example(
            "[07/12 10:33:21] ppdet.engine INFO: Epoch: [3] [ 0/339] learning_rate: 0.0025 loss: nan loss_cls: nan\n",
            "[07/12 10:33:21] ppdet.engine INFO: Epoch: [3] [ 0/339] learning_rate: 0.0025 loss: 2.1 loss_cls: 1.2\n",
        ),
        Example("Loss is nan, stopping training\n", "names: [nan, naan bread]\nNo loss\n"),
        Example("WARNING Loss NaN/Inf detected (attempt 1/3), recovering from last.pt...\n", "NaN labels: 0\n"),
    ),
    signs=SIGNS,
)
