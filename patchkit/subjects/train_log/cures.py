"""The next command after a failure, with the paths that the log tells. Words in capitals are left to the user."""

import re
import shlex
from pathlib import PurePosixPath

from patchkit.subjects.train_log.command import option_of
from patchkit.subjects.train_log.log import Line, Raised, TrainLog
from patchkit.subjects.train_log.ultralytics_run import Run

_BATCH = re.compile(r"(?:^| )(--?batch[-_]size[= ]|--batch[= ]|-b |batch=)(\d{1,6})(?= |$)")
DOCTOR = "patchkit doctor"  # the libraries that are installed
SEES_GPU = 'python -c "import torch; print(torch.version.cuda, torch.cuda.is_available())"'


def check_data(log: TrainLog, run: Run, trainer: str) -> str:
    """Look at the labels that the training had; without a trainer, for all of them."""
    data = run.option("data") or _config(log) or option_of(log.command, "data", "--data") or "DATA"
    return f"patchkit check-data {shlex.quote(data)}" + (f" --for {trainer}" if trainer else "")


def audit(log: TrainLog, run: Run) -> str:
    """Look at the options that the training had."""
    config = run.args_yaml or option_of(log.command, "cfg") or _config(log) or "CONFIG"
    if run.options and (run.gpus or 0) < 2:
        return f"patchkit audit {shlex.quote(config)}"  # the file says so itself
    return f"patchkit audit {shlex.quote(config)} --gpus {run.gpus or 'N'}"


def again(log: TrainLog, setting: str) -> str:
    """The training once more, with a variable of the environment."""
    return f"{setting} {log.command or '<your command>'}"


def blocking(log: TrainLog) -> str:
    """The training once more, so that an error on the GPU stops the call which makes it."""
    return again(log, "CUDA_LAUNCH_BLOCKING=1")


def smaller_batch(log: TrainLog) -> str:
    """The training with half of its batch, where its command tells it; else who else is on the GPU."""
    match = _BATCH.search(log.command or "")
    if log.command is None or match is None:
        return "nvidia-smi"
    half = str(max(int(match[2]) // 2, 1))
    return log.command[: match.start(2)] + half + log.command[match.end(2) :]


def scan_once(run: Run) -> str:
    """Scan the labels of the training set in one process; it may be stopped once labels.cache is written."""
    model, data = run.option("model") or "MODEL", run.option("data") or "DATA"
    return f"yolo val model={shlex.quote(model)} data={shlex.quote(data)} split=train device=cpu"


def trainer_of(raised: Raised | None, run: Run, otherwise: str = "crossentropy") -> str:
    """Who trains, as `check-data --for` has it: by the files of a traceback, else by the options."""
    files = [frame.file.replace("\\", "/") for frame in raised.traceback.frames] if raised is not None else []
    if any("/ppdet/" in file for file in files):
        return "paddledetection"
    if run.options or any("/ultralytics/" in file for file in files):
        is_fork = any("yolov10" in file and "-packages/" not in file for file in files)
        return "yolov10" if is_fork else "ultralytics"
    if any(PurePosixPath(file).name == "retinanet.py" and "/torchvision/" not in file for file in files):
        return "mlcommons"
    return "torchvision" if any("/torchvision/models/" in file for file in files) else otherwise


def trainer_at(log: TrainLog, line: Line, otherwise: str = "crossentropy") -> str:
    """Who trains, for a line that is not part of a traceback itself."""
    return trainer_of(log.raised_after(line), line.run, otherwise)


def _config(log: TrainLog) -> str | None:
    """The configuration that PaddleDetection was started with."""
    config = option_of(log.command, "-c", "--config")
    return config if config and config.endswith((".yml", ".yaml")) else None
