"""Training steps of torchvision's RetinaNet on the CPU, with labels inside and outside the range of its classes.

Anchors, matching, heads and losses are torchvision's; the backbone is a small one, without batch normalisation, so that
what the model makes of an image does not depend on the other images.

The last line printed is a JSON object. "batches" holds for each of BATCHES its losses, a digest of its gradients and
what was warned, or the error that stopped it; for a batch with one bad image also how far it is from others. "scripted"
holds the losses of the model as TorchScript.
"""

import hashlib
import json
import traceback
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import RetinaNet

CLASSES, SIDE = 5, 96
GOOD = ((0, 3), (4, 1), (2, 2))  # the labels of three images with two boxes each
IMAGE_IDS = (17, 42, 99)
WITHOUT, LAST_CLASS = "without the second image", "last class in its place"
BATCHES = {
    "good": GOOD,
    "label -1": (GOOD[0], (-1, 1), GOOD[2]),
    "label num_classes": (GOOD[0], (CLASSES, 1), GOOD[2]),
    "label 100": (GOOD[0], (100, 1), GOOD[2]),
    "label -1 and label 100": (GOOD[0], (-1, 100), GOOD[2]),
    LAST_CLASS: (GOOD[0], (CLASSES - 1, 1), GOOD[2]),
    WITHOUT: (GOOD[0], None, GOOD[2]),
    "only bad images": ((0, -1), (CLASSES, 1), (100, 2)),
}
ONE_BAD_IMAGE = ("label -1", "label num_classes", "label 100", "label -1 and label 100")
CLASSIFICATION, REGRESSION = "classification", "bbox_regression"
Labels = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True)
class Step:
    """The losses of one batch, and the gradients of each loss alone."""

    losses: Mapping[str, Tensor]
    gradients: Mapping[str, Mapping[str, Tensor | None]]
    warned: list[str]
    skipped_images: int | None  # as the head counts them; None where it does not

    @property
    def digest(self) -> str:
        """Equal for two steps of the same bits."""
        digest = hashlib.sha256()
        for loss, value in self.losses.items():
            digest.update(value.detach().numpy().tobytes())
            for gradient in self.gradients[loss].values():
                digest.update(b"none" if gradient is None else gradient.numpy().tobytes())
        return digest.hexdigest()


class Backbone(nn.Module):
    """Five levels of features, each half as large as the one before."""

    out_channels = 32

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, self.out_channels, 4, stride=4)
        convolutions = [nn.Conv2d(self.out_channels, self.out_channels, 3, stride=2, padding=1) for _ in range(5)]
        self.levels = nn.ModuleList(convolutions)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = torch.relu(self.stem(images))
        levels: dict[str, Tensor] = {}
        for number, level in enumerate(self.levels):
            features = torch.relu(level(features))
            levels[str(number)] = features
        return levels


def new_model() -> RetinaNet:
    """A model in training mode, with the same weights each time."""
    torch.manual_seed(0)
    model = RetinaNet(Backbone(), CLASSES, min_size=SIDE, max_size=SIDE).train()
    # A fresh head gives almost the same logits everywhere: the loss of one image would be that of any other.
    for module in model.head.classification_head.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return model


def batch(labels: Labels) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """Images and targets; an image without labels is left out."""
    generator = torch.Generator().manual_seed(1)
    images, targets = [], []
    for image_id, of_image in zip(IMAGE_IDS, labels, strict=True):
        image = torch.rand(3, SIDE, SIDE, generator=generator)
        corner = torch.rand(2, 2, generator=generator) * SIDE / 2
        size = 20 + torch.rand(2, 2, generator=generator) * 25
        if of_image is not None:
            images.append(image)
            boxes = torch.cat([corner, corner + size], dim=1)
            targets.append({"boxes": boxes, "labels": torch.tensor(of_image), "image_id": torch.tensor(image_id)})
    return images, targets


def step(labels: Labels) -> Step:
    model = new_model()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        losses = model(*batch(labels))
    gradients: dict[str, dict[str, Tensor | None]] = {}
    for name in (CLASSIFICATION, REGRESSION):
        model.zero_grad(set_to_none=True)
        losses[name].backward(retain_graph=True)
        gradients[name] = {key: parameter.grad for key, parameter in model.named_parameters()}
    warned = [str(warning.message) for warning in caught if "image_id" in str(warning.message)]
    return Step(losses, gradients, warned, getattr(model.head.classification_head, "skipped_images", None))


def difference(first: Step, second: Step, loss: str) -> dict[str, float]:
    """The greatest relative differences: of the loss, and of the gradient of any parameter by its greatest element."""
    of_parameters = []
    for name, wanted in second.gradients[loss].items():
        given = first.gradients[loss][name]
        if given is None or wanted is None:
            of_parameters.append(0.0 if given is wanted else float("inf"))
        elif wanted.any() or given.any():
            of_parameters.append(float((given - wanted).abs().max() / wanted.abs().max()))
    of_loss = abs(first.losses[loss].item() - second.losses[loss].item()) / second.losses[loss].item()
    return {"loss": of_loss, "gradient": max(of_parameters)}


def head_gradients(done: Step) -> dict[str, float]:
    """What the parameters of the classification head get from its loss, and how many get nothing at all."""
    gradients = [value for name, value in done.gradients[CLASSIFICATION].items() if "classification_head" in name]
    found = [value for value in gradients if value is not None]
    return {"without": len(gradients) - len(found), "greatest": max(value.abs().max().item() for value in found)}


def told(done: Step) -> dict[str, Any]:
    return {
        "losses": {name: loss.item() for name, loss in done.losses.items()},
        "digest": done.digest,
        "warned": done.warned,
        "skipped_images": done.skipped_images,
        "head_gradients": head_gradients(done),
    }


def scripted(names: tuple[str, ...]) -> dict[str, Any]:
    """The classification losses of the same batches from the model as TorchScript."""
    model = torch.jit.script(new_model())
    return {name: float(model(*batch(BATCHES[name]))[0][CLASSIFICATION]) for name in names}


def main() -> None:
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)  # sums in one order; and the work is too small to share
    steps: dict[str, Step] = {}
    answer: dict[str, Any] = {"batches": {}}
    for name, labels in BATCHES.items():
        try:
            steps[name] = step(labels)
            answer["batches"][name] = told(steps[name])
        except IndexError as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            answer["batches"][name] = {"error": f"{frame.name}: {error}"}
    for name in set(ONE_BAD_IMAGE) & set(steps):
        answer["batches"][name]["differs"] = {
            "classification, from the batch without the image": difference(steps[name], steps[WITHOUT], CLASSIFICATION),
            "classification, from the last class": difference(steps[name], steps[LAST_CLASS], CLASSIFICATION),
            "regression, from the good batch": difference(steps[name], steps["good"], REGRESSION),
            "regression, from the batch without the image": difference(steps[name], steps[WITHOUT], REGRESSION),
        }
    answer["scripted"] = scripted(("good", WITHOUT, "label -1"))
    print()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
