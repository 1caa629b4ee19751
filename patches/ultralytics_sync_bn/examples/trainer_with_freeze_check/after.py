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
            # patchkit ultralytics-sync-bn
            if getattr(self.args, "sync_bn", False):
                if self.device.type != "cuda":
                    LOGGER.warning(f"'sync_bn=True' is only supported on CUDA, ignoring on '{self.device.type}'")
                elif hasattr(self.model, "_orig_mod"):
                    raise ValueError("'sync_bn=True' does not work with a compiled model, set 'compile=False'")
                elif any(type(m).__name__ == "RepConv" and getattr(m, "bn", None) for m in self.model.modules()):
                    raise ValueError("'sync_bn=True' does not work with RepConv(bn=True): it could not be fused after training")
                else:  # in eval mode up to the first epoch: a graph that one process traces must not wait for the others
                    self.model = nn.SyncBatchNorm.convert_sync_batchnorm(self.model).eval()
            # after the other processes are there
            self.model = nn.parallel.DistributedDataParallel(
                self.model, device_ids=[RANK], find_unused_parameters=True
            )

    def _train_mode(self):
        """Training mode, but for frozen statistics."""
        self.model.train()
        for name, module in self.model.named_modules():
            if any(frozen in name for frozen in self.frozen) and isinstance(module, (nn.BatchNorm2d, nn.SyncBatchNorm)):
                module.eval()
