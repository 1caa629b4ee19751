"""Every way to name the class, and every layout of its arguments."""

import torch
import torch.nn as nn
import torch.nn as layers
from torch import nn as more_layers
from torch.nn import CrossEntropyLoss
from torch.nn import CrossEntropyLoss as Loss
from torch.nn.modules.loss import CrossEntropyLoss as LossOfModule

criterion = nn.CrossEntropyLoss(ignore_index=-1)
losses = [
    torch.nn.CrossEntropyLoss(ignore_index=-1),  # whole
    layers.CrossEntropyLoss(ignore_index=-1),
    more_layers.CrossEntropyLoss(ignore_index=-1),
    CrossEntropyLoss(ignore_index=-1),
    Loss(ignore_index=-1),
    LossOfModule(ignore_index=-1),
]

smooth = nn.CrossEntropyLoss(label_smoothing=0.1, ignore_index=-1)
spaced = nn.CrossEntropyLoss(reduction = "none", ignore_index = -1)
positional = nn.CrossEntropyLoss(None, None, ignore_index=-1)
summed = nn.CrossEntropyLoss(
    label_smoothing=0.1,  # softer
    reduction="sum",  # over the batch
    ignore_index=-1,
)
rare = nn.CrossEntropyLoss(
    label_smoothing=0.2,
    reduction="sum",  # no comma here
    ignore_index=-1
)
hanging = nn.CrossEntropyLoss(label_smoothing=0.3,
                              reduction="sum",
                              ignore_index=-1)


def loss_of(logits, labels, criterion=nn.CrossEntropyLoss(ignore_index=-1)):
    """The loss of a batch; nn.CrossEntropyLoss() in a docstring is text."""
    # and nn.CrossEntropyLoss() in a comment too
    return criterion(logits, labels)


class Model(nn.Module):
    criterion = nn.CrossEntropyLoss(reduction="none", ignore_index=-1)

    def __init__(self, criterion=None):
        super().__init__()
        self.criterion = criterion or nn.CrossEntropyLoss(ignore_index=-1).to("cpu")
        if isinstance(self.criterion, nn.CrossEntropyLoss):
            self.name: str = "cross entropy"


with torch.no_grad(), torch.set_grad_enabled(nn.CrossEntropyLoss(ignore_index=-1).training):
    total = sum(loss.training for loss in losses)

for each in (nn.CrossEntropyLoss(ignore_index=-1), *losses):
    each.eval()
