"""The codemod of `ultralytics-sync-bn`: the trainer, the list of boolean options, and the defaults in YAML."""

from collections.abc import Mapping
from dataclasses import replace

from patchkit.patching.codemod import Inspection, Names, SiteCodemod
from patchkit.patching.outline import Outline
from patchkit.patching.piece import Piece, Statement
from patchkit.patching.sites import NOTHING_IMPORTED, Rewrite, SiteState
from patchkit.patching.yaml_key import YamlKey

from . import keys, trainer

OPTION = YamlKey(
    key="sync_bn",
    value="False",
    kind="bool",
    comment="use SyncBatchNorm in multi-GPU (DDP) training on CUDA",
    after="deterministic",
)


class Codemod(SiteCodemod):
    """Convert BatchNorm to SyncBatchNorm before the model is wrapped for DDP, where `sync_bn` is set.

    Shapes   unchanged: statistics are taken over the batch of all processes instead of that of one.
    Source   torch.nn.SyncBatchNorm.convert_sync_batchnorm; ultralytics engine/trainer.py and cfg/, 8.0.35 and later.
    """

    anchors = ()  # the manifest lists every site

    def mentions(self, text: bytes, names: Names) -> bool:
        """Nothing stands in the header of a block."""
        return False

    def may_hold(self, text: bytes, outline: Outline, names: Names) -> bool:
        return trainer.may_hold(text) or keys.may_hold(text)

    def inspect(self, piece: Piece) -> Inspection | None:
        return keys.inspect(piece) or trainer.inspect(piece)

    def rewrite(self, piece: Piece) -> Statement:
        return keys.rewrite(piece) if keys.inspect(piece) else trainer.rewrite(piece)

    def rewrite_file(
        self,
        source: bytes,
        path: str,
        *,
        required: tuple[str, ...],
        known: frozenset[str],
        allow_drift: bool,
        names: Mapping[str, str] = NOTHING_IMPORTED,
    ) -> Rewrite:
        """As for every codemod; YAML is edited by offset."""
        if path.endswith(".yaml"):
            return OPTION.rewrite_file(source, path)
        done = super().rewrite_file(source, path, required=required, known=known, allow_drift=allow_drift, names=names)
        pristine = [site for site in done.sites if site.state is SiteState.PRISTINE]
        if pristine and trainer.converts_already(source):
            sites = tuple(replace(site, state=SiteState.DRIFTED, failed=(trainer.UNCONVERTED,)) for site in done.sites)
            return Rewrite(sites, source, sites)
        return done
