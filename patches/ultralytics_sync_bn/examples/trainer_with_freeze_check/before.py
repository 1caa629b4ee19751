"""The number of processes is an attribute, and frozen layers stay in evaluation mode."""

from torch import distributed, nn

from package.utils import LOGGER, RANK


class Trainer:
    def _setup(self):
        self.model = self.model.to(self.device)
        if self.args.compile:
            self.model = self.compiled(self.model)
        if RANK > -1 and self.world_size > 1:
            distributed.broadcast(self.seed, src=0)
        if self.world_size > 1:
            # after the other processes are there
            self.model = nn.parallel.DistributedDataParallel(
                self.model, device_ids=[RANK], find_unused_parameters=True
            )

    def _train_mode(self):
        """Training mode, but for frozen statistics."""
        self.model.train()
        for name, module in self.model.named_modules():
            if any(frozen in name for frozen in self.frozen) and isinstance(module, nn.BatchNorm2d):
                module.eval()
