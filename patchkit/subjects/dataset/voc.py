"""A label file of Pascal VOC, object by object, with all that is wrong in it. For whole folders: paddle_dataset.

What readers see is what xml.etree finds: `object` right below the root, of each the first `name` and `bndbox`.
Of the entities that a DOCTYPE declares only short plain text is expanded. A file that uses others is refused: they may
multiply, or stand in other files.
"""

import codecs
import math
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from xml.parsers import expat

from patchkit.subjects.dataset.bad_bytes import masked
from patchkit.subjects.dataset.labels import VOC, Box, Labels, Row

SHOWN = 80  # characters of a row
EDGES = ("xmin", "ymin", "xmax", "ymax")
ROOT, OBJECT = "annotation", "object"
ENTITY = "entity"  # variant of the fault
_INVALID = expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]
_CUT = {
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
}
_IN_OBJECT = {"name", "difficult", *(f"bndbox/{edge}" for edge in EDGES)}
_IN_ROOT = {"size/width", "size/height"}
_ORDERS = {b"\xff\xfe": "utf-16-le", b"<\0": "utf-16-le", b"\xfe\xff": "utf-16-be", b"\0<": "utf-16-be"}
_Texts = dict[str, list[str]]  # by the path of the element


class _Refused(Exception):
    """The file uses an entity that is not expanded."""

    def __init__(self, reason: str, variant: str = "") -> None:
        super().__init__(reason)
        self.reason, self.variant = reason, variant


@dataclass
class _Object:
    line: int
    column: int
    start: int
    depth: int  # of the element; 2 is right below the root
    end: int = 0
    texts: _Texts = field(default_factory=dict)
    boxes: int = 0
    has_content: bool = False
    has_object: bool = False


def read_voc(path: str, data: bytes, image: str = "") -> Labels:
    """The objects of a file. Where its XML is not sound, the ones before, and a broken row for the place."""
    reader = _Reader(data)
    broken = reader.read()
    bad: list[int] = []
    lines: list[int] = []
    if reader.code == _INVALID and reader.is_utf8:
        without, bad, lines = masked(data)
        if bad:
            reader = _Reader(without)
            broken = reader.read()
    rows = []
    covered = 0
    blanks = [character.encode(reader.codec) for character in " \t\n\r"]
    for each in reader.objects:
        count = bisect_left(bad, each.end) - bisect_left(bad, each.start) if bad else 0
        covered += count
        bounds = _with_blanks(data, blanks, each.start, each.end)
        rows.append(_row(each, reader.size, bounds, image, "it has bytes that are no UTF-8" if count else ""))
    if covered < len(bad):
        broken.append(_broken(lines[0], "it has bytes that are no UTF-8 outside of its objects"))
    if reader.root not in ("", ROOT):
        broken.append(_broken(1, f"the root is <{reader.root[:SHOWN]}>, and not <{ROOT}>"))
    return Labels(
        VOC,
        path,
        tuple(rows + [replace(row, image=image) for row in broken]),
        mark=data.startswith(codecs.BOM_UTF8),
        carriage_returns=data.count("\r\n".encode(reader.codec)),
        undecodable=tuple(lines),
        is_empty=not rows and not broken,
    )


class _Reader:
    """Collects the objects of a file and where they stand."""

    def __init__(self, data: bytes) -> None:
        self.objects: list[_Object] = []
        self.size: _Texts = {}
        self.root = ""
        self.code = 0  # of the error that ended the reading
        self.codec = _ORDERS.get(data[:2], "ascii")  # enough for what markup is made of
        self.is_utf8 = self.codec == "ascii"
        self._data = data
        self._path: list[str] = []
        self._sizes = 0
        self._object: _Object | None = None
        self._text: list[str] | None = None  # of the element that is open, until its first child
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declared
        parser.EntityDeclHandler = self._entity
        parser.SkippedEntityHandler = self._undefined
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters

    def read(self) -> list[Row]:
        """A broken row, if the file is not read to its end."""
        try:
            self._parser.Parse(self._data, True)
        except expat.ExpatError as error:
            self.code = error.code
            message = expat.ErrorString(error.code)
            if not self._data.strip():
                return [_broken(1, "the file is empty")]
            what = "the file ends before its XML does" if error.code in _CUT else "the XML is not sound from here on"
            text = self._data[max(self._parser.ErrorByteIndex, 0) :][: 2 * SHOWN].replace(b"\0", b"")
            return [_broken(error.lineno, f"{what}: {message}", text.decode("utf-8", "backslashreplace"))]
        except _Refused as refused:
            row = _broken(self._parser.CurrentLineNumber, refused.reason)
            return [replace(row, variant=refused.variant)]
        except (ValueError, LookupError) as error:  # of the encoding that is declared
            return [_broken(1, f"its encoding cannot be read: {error}")]
        return []

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        self.is_utf8 = self.is_utf8 and (encoding or "utf-8").lower() in ("utf-8", "utf8", "us-ascii")

    def _entity(self, name: str, is_parameter: int, value: str | None, *_: object) -> None:
        """An entity is declared. Those of parameters are never expanded by expat."""
        is_plain = value is not None and len(value) <= SHOWN and not {*value} & {"<", "&"}
        if is_parameter or is_plain or f"&{name};".encode(self.codec, "replace") not in self._data:
            return
        what = "stands in another file" if value is None else "is long, or holds markup or other entities"
        raise _Refused(f"it uses the entity {_short(name)}, which {what}: such are not expanded", ENTITY)

    def _undefined(self, name: str, is_parameter: int) -> None:
        if not is_parameter:
            raise _Refused(f"it uses the entity {_short(name)}, which is not defined")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        path = self._path
        path.append(name)
        self._text = None
        each = self._object
        if each is not None:
            each.has_content = True
            below = len(path) - each.depth
            if name == OBJECT:
                each.has_object = True
            elif below == 1 and name == "bndbox":
                each.boxes += 1
            elif below == 1 or (below == 2 and each.boxes == 1):
                self._collect(each.texts, name if below == 1 else f"{path[-2]}/{name}", _IN_OBJECT)
        elif name == OBJECT and len(path) > 1:
            parser = self._parser
            place = parser.CurrentLineNumber, parser.CurrentColumnNumber + 1, parser.CurrentByteIndex
            self._object = _Object(*place, len(path))
        elif len(path) == 2:
            self._sizes += name == "size"
        elif len(path) == 3 and self._sizes == 1:
            self._collect(self.size, f"{path[1]}/{name}", _IN_ROOT)
        elif len(path) == 1:
            self.root = name

    def _collect(self, texts: _Texts, key: str, wanted: set[str]) -> None:
        if key in wanted and key not in texts:
            texts[key] = self._text = []

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)
        if self._object is not None:
            self._object.has_content = True

    def _end(self, name: str) -> None:
        self._text = None
        each = self._object
        if each is not None and len(self._path) == each.depth:
            each.end = self._end_of(each)
            self.objects.append(each)
            self._object = None
        self._path.pop()

    def _end_of(self, each: _Object) -> int:
        """Where an element ends. The parser stands before its end tag, or behind `<object/>`."""
        index = self._parser.CurrentByteIndex
        if not each.has_content and self._data[each.start : index].endswith("/>".encode(self.codec)):
            return index
        close = ">".encode(self.codec)
        while self._data[index : index + len(close)] != close:
            index += len(close)
        return index + len(close)


def _with_blanks(data: bytes, blanks: list[bytes], start: int, end: int) -> tuple[int, int]:
    """The bounds of an element with the blanks before it and, if it begins its line, with the line end."""
    space, tab, line_feed, carriage_return = blanks
    width = len(space)
    while data[start - width : start] in (space, tab):
        start -= width
    if data[start - width : start] not in (line_feed, carriage_return):
        return start, end
    stop = end
    while data[stop : stop + width] in (space, tab):
        stop += width
    for line_end in (carriage_return + line_feed, line_feed, carriage_return):
        if data.startswith(line_end, stop):
            return start, stop + len(line_end)
    return start, end


def _row(each: _Object, size: _Texts, bounds: tuple[int, int], image: str, fault: str) -> Row:
    texts = {key.rpartition("/")[2]: "".join(parts) for key, parts in each.texts.items()}
    label = texts.get("name")
    fault = fault or _fault(each, label)
    numbers: list[float] = []
    for edge in EDGES:
        try:
            numbers.append(float(texts[edge]))
        except KeyError:
            fault = fault or (f"it has no <{edge}>" if each.boxes else "it has no <bndbox>")
            break
        except ValueError:
            fault = fault or f"{edge} is '{_short(texts[edge])}', which is no number"
            break
    if not fault and "difficult" in texts and not _is_whole(texts["difficult"]):
        fault = f"difficult is '{_short(texts['difficult'])}', which is no whole number"
    text = _short(" ".join(texts.get(key, "?") for key in ("name", *EDGES)))
    box = _box(numbers, size) if len(numbers) == len(EDGES) else None
    form = "broken" if fault else "box"
    values = tuple(numbers)
    return Row(each.line, *bounds, text, label or None, values, form, box, fault, image=image, column=each.column)


def _fault(each: _Object, name: str | None) -> str:
    """What is wrong with an object beside its numbers."""
    if each.depth != 2:
        return f"it is not right below the root, where readers look for <{OBJECT}>"
    if each.has_object:
        return f"another <{OBJECT}> is in it, which readers pass over"
    if name is None:
        return "it has no <name>"
    return "" if name.strip() else "its <name> is empty"


def _box(numbers: list[float], size: _Texts) -> Box | None:
    try:
        width, height = (float("".join(size[f"size/{side}"])) for side in ("width", "height"))
    except (KeyError, ValueError):
        return None
    if not width > 0 or not height > 0:
        return None
    left, top, right, bottom = numbers
    box = (left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width, (bottom - top) / height
    return box if all(map(math.isfinite, (*box, width, height))) else None


def _is_whole(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _broken(line: int, fault: str, text: str = "") -> Row:
    return Row(line, 0, 0, _short(text), None, form="broken", fault=fault)


def _short(text: str) -> str:
    text = " ".join(text[: 40 * SHOWN].split())
    return f"{text[:SHOWN]}..." if len(text) > SHOWN else text
