"""The number of processes is an argument."""

from torch import distributed, nn

from package.utils import LOGGER, RANK


class Trainer:
    """It sets up and runs."""

    def _setup(self, world_size):
        """Makes the model ready."""
        self.model = self.model.to(self.device)
        if RANK > -1 and world_size > 1:  # tell the others
            distributed.broadcast(self.seed, src=0)
        if world_size > 1:
            self.model = nn.parallel.DistributedDataParallel(self.model, device_ids=[RANK])
        LOGGER.info("ready")

    def run(self, world_size=1):
        """Sets up, then trains."""
        if world_size > 1:
            self.start_processes(world_size)
        self._setup(world_size)
