"""The labels of COCO, VOC and image sets, in parts that can be looked at anywhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from patchkit.check_data.looked import Looked
from patchkit.check_data.reading import read_batches
from patchkit.check_data.request import Part
from patchkit.check_data.rules import found_in
from patchkit.subjects.dataset.coco import read_coco
from patchkit.subjects.dataset.coco_layout import what_instead
from patchkit.subjects.dataset.coco_reading import NoCoco
from patchkit.subjects.dataset.dataset import Unreadable
from patchkit.subjects.dataset.labels import Labels
from patchkit.subjects.dataset.voc import read_voc
from patchkit.subjects.dataset.yolo_batch import count_odd, count_rows

PART = 500  # xml files


@dataclass(frozen=True)
class CocoPart:
    """One COCO file."""

    split: str
    path: str
    folder: str  # of its images; empty if it is not known
    request: Part


@dataclass(frozen=True)
class VocPart:
    """Some xml files of one split."""

    split: str
    labels: Sequence[str]
    images: Sequence[str]
    request: Part


def look_at_coco(part: CocoPart) -> Iterator[Looked]:
    """Read, count and check a COCO file. Its findings come piece by piece: there may be as many as annotations."""
    looked = Looked(part.split, 1)
    try:
        coco, shown = read_coco(part.path, folder=part.folder, detailed=part.request.detailed)
    except OSError as error:
        looked.unreadable.append(Unreadable(part.path, error.strerror or str(error)))
        yield looked
        return
    except NoCoco as error:
        reason = what_instead(part.path) or error.message.removeprefix(f"{part.path}: ")
        looked.unreadable.append(Unreadable(part.path, reason, variant=error.variant, hint=error.hint or ""))
        yield looked
        return
    categories = frozenset(coco.categories) if coco.categories else None
    request = replace(part.request, labels=categories, source=f"{len(coco.categories)} categories")
    for labels in shown:
        yield Looked(part.split, 0, found_in(labels, request))
    looked.tally = coco.tally
    looked.is_cut = "annotations" in coco.unread
    looked.names = coco.categories
    looked.images = [f"{part.folder}/{name}" for name in coco.names.values()] if part.folder else []
    looked.file_names = [] if part.folder else list(coco.names.values())
    yield looked


def voc_parts(split: str, labels: Sequence[str], images: Sequence[str], request: Part) -> Iterator[VocPart]:
    """A split in parts of a size that is worth a process."""
    for first in range(0, len(labels), PART):
        last = first + PART
        yield VocPart(split, labels[first:last], images[first:last], request)


def look_at_voc(part: VocPart) -> Iterator[Looked]:
    """Read, count and check xml files."""
    looked = Looked(part.split, len(part.labels))
    for first, batch in read_batches(part.labels):
        for index, data in enumerate(batch, first):
            path = part.labels[index]
            if not isinstance(data, bytes):
                reason = (data.strerror or str(data)) if data is not None else "it is larger than 8 MiB"
                looked.unreadable.append(Unreadable(path, reason))
                continue
            labels = read_voc(path, data, part.images[index])
            count_odd(labels, looked.tally, detailed=part.request.detailed)
            looked.findings += found_in(labels, part.request)
    looked.tally.images = len(part.labels)
    yield looked


@dataclass(frozen=True)
class NamedPart:
    """Images whose labels are known by their names."""

    split: str
    named: Labels
    request: Part


def look_at_named(part: NamedPart) -> Iterator[Looked]:
    """Count and check labels that need not be read: one for each image."""
    looked = Looked(part.split, 1, findings=found_in(part.named, part.request))
    count_rows(part.named.rows, looked.tally, detailed=False)
    looked.tally.images = looked.tally.objects = len(part.named.rows)
    yield looked
