"""Run training scripts and notebooks on several data sets, and tell what each of them trained.

usage: cross_entropy_running.py FILE...

A file finds its batches in `batches.pt` of the working folder: pairs of samples (n, FEATURES) and labels (n,).
It leaves `losses` and `gradients`, one of each for every step, and `weights`. The last line printed is a JSON object:
for each file, and for each data set, these three, or the error that stopped it.

A notebook runs as its kernel would run it: code cells in their order, in one namespace.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

FEATURES, CLASSES, SIZE = 6, 4, 10
UNLABELLED = ((0, 3, 9), (), (5,))  # in each batch


def data_sets() -> dict[str, list[tuple[torch.Tensor, torch.Tensor]]]:
    """The same samples with some of them unlabelled, with these left out, with all labels, and with none."""
    torch.manual_seed(0)
    batches = [(torch.randn(SIZE, FEATURES), torch.randint(CLASSES, (SIZE,))) for _ in UNLABELLED]
    sets: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {"all labelled": batches}
    for name, bad in (("some -1", -1), ("some -100", -100)):
        sets[name] = []
        for (samples, labels), unlabelled in zip(batches, UNLABELLED, strict=True):
            replaced = labels.clone()
            replaced[list(unlabelled)] = bad
            sets[name].append((samples, replaced))
    sets["left out"] = [(samples[labels >= 0], labels[labels >= 0]) for samples, labels in sets["some -1"]]
    sets["all -1"] = [(samples, torch.full_like(labels, -1)) for samples, labels in batches]
    return sets


def code_of(file: Path) -> str:
    if file.suffix != ".ipynb":
        return file.read_text()
    cells = json.loads(file.read_text())["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def trained(file: Path) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(compile(code_of(file), str(file), "exec"), names)
    except Exception as error:  # whatever stops the training is the answer
        return {"error": f"{type(error).__name__}: {error}"}
    return {
        "losses": [float(loss) for loss in names["losses"]],
        "gradients": [gradient.tolist() for gradient in names["gradients"]],
        "weights": names["weights"].tolist(),
    }


def main() -> None:
    answer: dict[str, dict[str, Any]] = {file: {} for file in sys.argv[1:]}
    for name, batches in data_sets().items():
        torch.save(batches, "batches.pt")
        for file, seen in answer.items():
            seen[name] = trained(Path(file))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
