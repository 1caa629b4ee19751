"""The option `sync_bn` in ultralytics: what it may be, and one epoch on the CPU without and with it.

usage: sync_bn_training.py FOLDER

The last line printed is a JSON object. "options" holds what became of each value, "epochs" of each training the rows of
results.csv, a digest of the weights in last.pt, and the warnings that name the option; or the error that refused it.
"""

import csv
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import torch
from sync_bn_trainers import MODEL, SETTINGS, Warned, data_set
from ultralytics import YOLO
from ultralytics.cfg import get_cfg

TIME = "time"  # the one column that differs from run to run
COLOUR = re.compile(r"\x1b\[\d+m")


def option(value: Any) -> Any:
    """The value as the configuration holds it, or how it is refused."""
    try:
        return get_cfg(overrides={"sync_bn": value}).sync_bn
    except (SyntaxError, TypeError) as error:
        return refusal(error)


def refusal(error: Exception) -> dict[str, str]:
    lines = COLOUR.sub("", str(error)).strip().splitlines()
    return {"error": type(error).__name__, "message": lines[0]}


def epoch(data: Path, name: str, **options: Any) -> dict[str, Any]:
    model = YOLO(MODEL)
    settings = {key: value for key, value in SETTINGS.items() if key != "model"}
    with Warned() as warned:
        try:
            model.train(data=str(data), project=str(data.parent), name=name, **settings, **options)
        except SyntaxError as error:
            return refusal(error)
    saved = Path(model.trainer.save_dir)
    rows = [
        {key.strip(): value.strip() for key, value in row.items() if key.strip() != TIME}
        for row in csv.DictReader((saved / "results.csv").read_text().splitlines())
    ]
    weights = torch.load(saved / "weights/last.pt", weights_only=False)["model"].state_dict()
    digest = hashlib.sha256(b"".join(value.numpy().tobytes() for value in weights.values())).hexdigest()
    return {"rows": rows, "weights": digest, "warnings": warned.texts}


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    data = data_set(folder)
    answer = {
        "default": vars(get_cfg()).get("sync_bn", "no such option"),
        "options": {str(value): option(value) for value in (True, "yes")},
        "epochs": {"not named": epoch(data, "plain"), "sync_bn=True": epoch(data, "synced", sync_bn=True)},
    }
    print()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
