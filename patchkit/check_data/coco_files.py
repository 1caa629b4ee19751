"""What the COCO files of one data set say of each other's categories and images."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from patchkit.subjects.dataset.dataset import Renamed, SharedNames
from patchkit.subjects.dataset.tally import Label


def renamed(split: str, names: Mapping[Label, str], known: dict[Label, tuple[str, str]]) -> Iterator[Renamed]:
    """Ids that had another name in a file before; the others become known. What has no name contradicts nothing."""
    for label, name in names.items():
        first, owner = known.get(label, ("", ""))
        if not first:
            known[label] = (name, split)
        elif name and name != first:
            yield Renamed(label, split, name, owner, first)


def shared_names(names: Mapping[str, Sequence[str]]) -> Iterator[SharedNames]:
    """File names that two splits have."""
    known = {split: frozenset(some) for split, some in names.items()}
    for first, split in combinations(names, 2):
        others = names[split]
        if known[first].isdisjoint(others):
            continue
        shared = [name for name in others if name in known[first]]
        if shared:
            yield SharedNames(first, split, len(shared), shared[0])
