"""Every way to name the class, and every layout of its arguments."""

import torch
import torch.nn as nn
import torch.nn as layers
from torch import nn as more_layers
from torch.nn import CrossEntropyLoss
from torch.nn import CrossEntropyLoss as Loss
from torch.nn.modules.loss import CrossEntropyLoss as LossOfModule

criterion = nn.CrossEntropyLoss()
losses = [
    torch.nn.CrossEntropyLoss(),  # whole
    layers.CrossEntropyLoss(),
    more_layers.CrossEntropyLoss(),
    CrossEntropyLoss(),
    Loss(),
    LossOfModule(),
]

smooth = nn.CrossEntropyLoss(label_smoothing=0.1)
spaced = nn.CrossEntropyLoss(reduction = "none")
positional = nn.CrossEntropyLoss(None, None)
summed = nn.CrossEntropyLoss(
    label_smoothing=0.1,  # softer
    reduction="sum",  # over the batch
)
rare = nn.CrossEntropyLoss(
    label_smoothing=0.2,
    reduction="sum"  # no comma here
)
hanging = nn.CrossEntropyLoss(label_smoothing=0.3,
                              reduction="sum")


def loss_of(logits, labels, criterion=nn.CrossEntropyLoss()):
    """The loss of a batch; nn.CrossEntropyLoss() in a docstring is text."""
    # and nn.CrossEntropyLoss() in a comment too
    return criterion(logits, labels)


class Model(nn.Module):
    criterion = nn.CrossEntropyLoss(reduction="none")

    def __init__(self, criterion=None):
        super().__init__()
        self.criterion = criterion or nn.CrossEntropyLoss().to("cpu")
        if isinstance(self.criterion, nn.CrossEntropyLoss):
            self.name: str = "cross entropy"


with torch.no_grad(), torch.set_grad_enabled(nn.CrossEntropyLoss().training):
    total = sum(loss.training for loss in losses)

for each in (nn.CrossEntropyLoss(), *losses):
    each.eval()
