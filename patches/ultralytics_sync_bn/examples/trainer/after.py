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
            # patchkit ultralytics-sync-bn
            if getattr(self.args, "sync_bn", False):
                if self.device.type != "cuda":
                    LOGGER.warning(f"'sync_bn=True' is only supported on CUDA, ignoring on '{self.device.type}'")
                elif hasattr(self.model, "_orig_mod"):
                    raise ValueError("'sync_bn=True' does not work with a compiled model, set 'compile=False'")
                elif any(getattr(m, "bn", None) for m in self.model.modules() if type(m).__name__ == "RepConv"):
                    raise ValueError("'sync_bn=True' does not work with RepConv(bn=True), which could not be fused later")
                else:
                    unconverted = dict(self.model.named_modules())
                    self.model = nn.SyncBatchNorm.convert_sync_batchnorm(self.model)
                    for key, layer in self.model.named_modules():  # what was set on a layer stays with it
                        kept = vars(unconverted.get(key, layer))
                        vars(layer).update({k: v for k, v in kept.items() if k not in vars(layer)})
                    self.model.eval()  # up to the first epoch: a graph traced by one process must not wait for others
            self.model = nn.parallel.DistributedDataParallel(self.model, device_ids=[RANK])
        LOGGER.info("ready")

    def run(self, world_size=1):
        """Sets up, then trains."""
        if world_size > 1:
            self.start_processes(world_size)
        self._setup(world_size)
