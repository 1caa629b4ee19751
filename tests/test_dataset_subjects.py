"""Labels of VOC, of folders and of file names, and what a yml of PaddleDetection names."""

import math
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchkit.check_data.reading import LIMIT, read_file, read_together
from patchkit.errors import SourceUnreadable, TargetRefused
from patchkit.subjects.dataset.class_folders import files_below, find_class_folders, labels_by_pattern
from patchkit.subjects.dataset.labels import COCO, FOLDER, VOC, Labels
from patchkit.subjects.dataset.paddle_dataset import (
    VocFile,
    VocLayout,
    find_voc,
    read_voc_list,
)
from patchkit.subjects.dataset.paddle_sources import PaddleSource, paddle_sources
from patchkit.subjects.dataset.voc import read_voc
from tests.paddle_tree import DATA, OWN, TREE, grow

SIZE = "\t<size>\n\t\t<width>200</width>\n\t\t<height>100</height>\n\t\t<depth>3</depth>\n\t</size>\n"


def thing(name: str = "dog", *edges: object, more: str = "") -> str:
    xmin, ymin, xmax, ymax = edges or (20, 10, 60, 50)
    box = f"<xmin>{xmin}</xmin><ymin>{ymin}</ymin>\n<xmax>{xmax}</xmax><ymax>{ymax}</ymax>"
    return f"\t<object>\n\t\t<name>{name}</name>\n{more}\t\t<bndbox>{box}</bndbox>\n\t</object>\n"


def annotation(*objects: str, size: str = SIZE) -> str:
    return f"<annotation>\n\t<filename>a.jpg</filename>\n{size}{''.join(objects)}</annotation>\n"


def read(text: str | bytes, encoding: str = "utf-8") -> Labels:
    return read_voc("a.xml", text if isinstance(text, bytes) else text.encode(encoding), "a.jpg")


def faults(text: str | bytes) -> list[tuple[int, str]]:
    labels = read(text)
    assert all((row.form == "broken") == bool(row.fault) for row in labels.rows)
    return [(row.line, row.fault) for row in labels.rows if row.fault]


# read_voc


def test_an_object_is_a_row() -> None:
    text = annotation(thing(), thing("cat", "1.5", 2, 3, 4), "\t<object/>\n")
    labels = read(text)
    assert labels.kind == VOC
    assert labels.path == "a.xml"
    assert not (labels.mark or labels.carriage_returns or labels.undecodable or labels.is_empty)
    dog, cat, nothing = labels.rows
    assert (dog.line, dog.column, dog.label, dog.form, dog.image) == (8, 2, "dog", "box", "a.jpg")
    assert dog.numbers == (20, 10, 60, 50)
    assert dog.box == (0.2, 0.3, 0.2, 0.4)
    assert dog.text == "dog 20 10 60 50"
    assert text[dog.start : dog.end] == thing()
    assert cat.numbers == (1.5, 2, 3, 4)
    assert cat.text == "cat 1.5 2 3 4"
    assert (nothing.form, nothing.fault, nothing.text, nothing.label) == (
        "broken",
        "it has no <name>",
        "? ? ? ? ?",
        None,
    )
    assert text[nothing.start : nothing.end] == "\t<object/>\n"


def test_a_file_without_objects_is_empty() -> None:
    assert read(annotation()).is_empty
    assert not read(annotation("<object/>")).is_empty
    assert not read("<annotation>").is_empty


@pytest.mark.parametrize(
    ("size", "box"),
    [
        (SIZE, (0.2, 0.3, 0.2, 0.4)),
        ("", None),
        ("<size/>", None),
        (SIZE.replace("200", "0"), None),
        (SIZE.replace("100", "-100"), None),
        (SIZE.replace("200", "wide"), None),
        (SIZE.replace("200", "nan"), None),
        (SIZE.replace("200", "inf"), None),
        (SIZE + SIZE.replace("200", "400"), (0.2, 0.3, 0.2, 0.4)),  # the first one is read
        ("<size/>" + SIZE, None),
    ],
)
def test_a_box_is_relative_to_the_size(size: str, box: object) -> None:
    (row,) = read(annotation(thing(), size=size)).rows
    assert row.box == box
    assert row.form == "box"


def test_the_size_may_come_last() -> None:
    text = annotation(thing(), size="").replace("</annotation>", f"{SIZE}</annotation>")
    assert read(text).rows[0].box == (0.2, 0.3, 0.2, 0.4)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (thing("dog", "x", 1, 2, 3), "xmin is 'x', which is no number"),
        (thing("dog", 1, 2, 3, "four\n  five"), "ymax is 'four five', which is no number"),
        (thing("dog", 1, "", 2, 3), "ymin is '', which is no number"),
        (thing("dog", 1, "9" * 100 + "x", 2, 3), f"ymin is '{'9' * 80}...', which is no number"),
        (thing().replace("<ymin>10</ymin>", ""), "it has no <ymin>"),
        (re.sub(r"<bndbox>.*</bndbox>", "", thing(), flags=re.DOTALL), "it has no <bndbox>"),
        (thing(""), "its <name> is empty"),
        (thing(" \n "), "its <name> is empty"),
        (thing().replace("<name>dog</name>", ""), "it has no <name>"),
        (thing(more="<difficult>Unspecified</difficult>"), "difficult is 'Unspecified', which is no whole number"),
        (thing(more="<difficult/>"), "difficult is '', which is no whole number"),
        (f"<objects>{thing()}</objects>", "it is not right below the root, where readers look for <object>"),
        (thing(more=thing()), "another <object> is in it, which readers pass over"),
        (thing().replace("<bndbox>", "<bndbox/><bndbox>"), "it has no <xmin>"),  # readers take the first one
    ],
)
def test_what_cannot_be_understood_is_broken_and_the_others_stay(text: str, fault: str) -> None:
    labels = read(annotation(thing("cat"), text, thing("cow")))
    assert [row.label for row in labels.rows if row.form == "box"] == ["cat", "cow"]
    (row,) = (row for row in labels.rows if row.form == "broken")
    assert row.fault == fault
    assert row.end > row.start


def test_a_number_that_is_not_finite_is_one() -> None:
    for text in ("NaN", "inf", "-1e999"):
        (row,) = read(annotation(thing("dog", 1, text, 2, 3))).rows
        assert row.form == "box"
        assert not math.isfinite(row.numbers[1])
        assert row.box is None
    assert read(annotation(thing("dog", 60, 50, 20, 10))).rows[0].box == (0.2, 0.3, -0.2, -0.4)


def test_a_name_stays_as_it_is_written() -> None:
    names = ["two\nlines", " dog ", "a &amp; b", "<![CDATA[<x>]]>", "狗", "a<!-- b -->c", "dog<sub>x</sub>y"]
    labels = read(annotation(*map(thing, names)))
    assert [row.label for row in labels.rows] == ["two\nlines", " dog ", "a & b", "<x>", "狗", "ac", "dog"]
    assert labels.rows[0].text == "two lines 20 10 60 50"
    assert read(annotation(thing("n" * 200))).rows[0].text == "n" * 80 + "..."


def test_a_difficult_object_is_one() -> None:
    assert read(annotation(thing(more="<difficult>1</difficult>"))).rows[0].form == "box"


def test_parts_of_an_object_are_passed_over() -> None:
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    (row,) = read(annotation(thing(more=part))).rows
    assert (row.label, row.numbers, row.form) == ("dog", (20, 10, 60, 50), "box")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
def test_encodings(encoding: str) -> None:
    declared = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16", "utf-16-be": "utf-16"}.get(encoding, encoding)
    text = f'<?xml version="1.0" encoding="{declared}"?>\r\n' + annotation(
        thing("chien é"), thing("vache"), "<object/>"
    )
    data = text.replace("\r\n", "\n").replace("\n", "\r\n").encode(encoding)
    labels = read(data)
    assert [row.label for row in labels.rows] == ["chien é", "vache", None]
    assert labels.mark is (encoding == "utf-8-sig")
    assert labels.carriage_returns == text.count("\n")
    assert labels.undecodable == ()
    row = labels.rows[0]
    left = data[: row.start] + data[row.end :]
    assert [name.text for name in ET.fromstring(left).iter("name")] == ["vache"]


@pytest.mark.parametrize("encoding", ["gb2312", "utf-7", "nonsense", "base64", "utf-16", "cp037", "utf-32"])
def test_an_encoding_that_expat_cannot_read_is_a_broken_row(encoding: str) -> None:
    (row,) = read(f'<?xml version="1.0" encoding="{encoding}"?>\n{annotation(thing())}').rows
    assert (row.line, row.form, row.start, row.end) == (1, "broken", 0, 0)
    assert "encoding" in row.fault


def test_bytes_that_are_no_utf8_break_only_their_object() -> None:
    data = annotation(thing("cat"), thing("caf?"), thing("c?w\nx"), thing("dog")).encode().replace(b"?", b"\xe9")
    labels = read(data)
    assert [row.form for row in labels.rows] == ["box", "broken", "broken", "box"]
    assert labels.rows[1].fault == "it has bytes that are no UTF-8"
    assert labels.undecodable == (14, 19)
    for row in reversed(labels.rows[1:3]):
        data = data[: row.start] + data[row.end :]
    assert [row.label for row in read(data).rows] == ["cat", "dog"]
    assert read(data).undecodable == ()
    outside = read(annotation(thing("狗")).encode().replace(b"a.jpg", b"\xff\xfe.jpg"))
    assert [(row.line, row.label, row.fault) for row in outside.rows] == [
        (8, "狗", ""),
        (2, None, "it has bytes that are no UTF-8 outside of its objects"),
    ]


def test_a_file_that_is_cut_keeps_the_objects_before() -> None:
    whole = annotation(thing("cat"), thing("dog"), thing("cow")).encode()
    third = read(whole).rows[2]
    for end in range(third.start + 5, third.end - 2):
        labels = read(whole[:end])
        assert [row.label for row in labels.rows if row.form == "box"] == ["cat", "dog"]
        broken = labels.rows[-1]
        assert broken.fault.startswith("the file ends before its XML does: ")
        assert 18 <= broken.line <= 23
        assert (broken.start, broken.end) == (0, 0)
    for end in range(len(whole)):
        assert read(whole[:end]).rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(1, "the file is empty")]),
        ("\n\n", [(1, "the file is empty")]),
        ("hello", [(1, "the XML is not sound from here on: syntax error")]),
        ('{"images": []}', [(1, "the XML is not sound from here on: not well-formed (invalid token)")]),
        ("<html><body/></html>", [(1, "the root is <html>, and not <annotation>")]),
        ("<object/>", [(1, "the root is <object>, and not <annotation>")]),
        (annotation(thing("a & b")), [(9, "the XML is not sound from here on: not well-formed (invalid token)")]),
        (annotation(thing("&dog;")), [(9, "the XML is not sound from here on: undefined entity")]),
        (annotation("<a></b>"), [(8, "the XML is not sound from here on: mismatched tag")]),
        (annotation(thing("\0")), [(9, "the XML is not sound from here on: not well-formed (invalid token)")]),
    ],
)
def test_what_is_no_sound_annotation(text: str, expected: list[tuple[int, str]]) -> None:
    assert faults(text) == expected


def test_a_doctype_is_read_as_the_trainers_read_it() -> None:
    text = annotation(thing("&dog;"))
    for doctype in (
        "<!DOCTYPE annotation>",
        '<!DOCTYPE annotation SYSTEM "voc.dtd">',
        "<!DOCTYPE a [<!ELEMENT a ANY>]>",
    ):
        labels = read(doctype + annotation(thing()))
        assert [(row.label, row.fault) for row in labels.rows] == [("dog", "")], doctype
    declared = f'<!DOCTYPE a [<!ENTITY dog "dog">\n<!ENTITY x SYSTEM "file:///etc/passwd">]>\n{text}'
    (row,) = read(declared).rows
    assert (row.label, row.fault) == ("dog", "")
    assert ET.fromstring(declared).findtext("object/name") == "dog"
    assert read(declared.encode()[: row.start] + declared.encode()[row.end :]).is_empty
    (undefined,) = faults(f'<!DOCTYPE annotation SYSTEM "voc.dtd">{text}')
    assert undefined == (9, "it uses the entity dog, which is not defined")


def test_entities_that_multiply_or_stand_in_other_files_are_never_expanded() -> None:
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">\n' for n in range(1, 20))
    bomb = f'<?xml version="1.0"?>\n<!DOCTYPE annotation [<!ENTITY l0 "lol">\n{lol}]>\n{annotation(thing("&l19;"))}'
    file = f'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n{annotation(thing("&x;"))}'
    long = f'<!DOCTYPE a [<!ENTITY x "{"x" * 1000}">]>\n{annotation(thing("&x;" * 1000))}'
    held = "is long, or holds markup or other entities: such are not expanded"
    assert faults(bomb) == [(3, f"it uses the entity l1, which {held}")]
    assert faults(file) == [(1, "it uses the entity x, which stands in another file: such are not expanded")]
    assert faults(long) == [(1, f"it uses the entity x, which {held}")]
    assert {row.variant for row in read(bomb).rows} == {"entity"}
    parameter = f'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]>\n{annotation(thing())}'
    assert faults(parameter) == []


@pytest.mark.parametrize("tag", ["x", "object", "annotation"])
def test_thousands_of_nested_elements_are_read(tag: str) -> None:
    labels = read(f"<annotation>{thing('cat')}{f'<{tag}>' * 10_000}{f'</{tag}>' * 10_000}{thing()}</annotation>")
    assert [row.label for row in labels.rows if row.form == "box"] == ["cat", "dog"]
    assert len(labels.rows) == (3 if tag == "object" else 2)
    assert len(read(f"<annotation>{f'<{tag}>' * 100_000}").rows) == 1


def test_what_stands_on_the_line_of_an_object_stays() -> None:
    text = "<annotation><a/> <object/><object></object > <object a='/>'>x/></object>  \n  <object/> \r<b/></annotation>"
    labels = read(text)
    assert [text[row.start : row.end] for row in labels.rows] == [
        " <object/>",
        "<object></object >",
        " <object a='/>'>x/></object>",
        "  <object/> \r",
    ]
    assert [row.column for row in labels.rows] == [18, 27, 46, 3]


names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="<&]￾￿"))
objects = st.builds(
    lambda name, form, before, after: before + form.replace("NAME", name) + after,
    names,
    st.sampled_from(
        [
            thing("NAME").strip(),
            thing("NAME", more=thing()).strip(),
            "<object/>",
            "<object ></object\t>",
            "<object><name>NAME</name>/></object>",
            "<object a='>/>'>\n</object>",
        ]
    ),
    st.sampled_from(["", " ", "\t", "\n", "\n  ", "<x/>", "text /> ", "\r\n\t"]),
    st.sampled_from(["", " ", "\n", " \n\n", "\r\n", "\r", "<y/>\n", "<!-- /> -->"]),
)


@given(st.lists(objects), st.data(), st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-8-sig"]))
def test_any_rows_can_be_taken_out(found: list[str], data: st.DataObject, encoding: str) -> None:
    source = annotation(*found).encode(encoding)
    labels = read(source)
    assert len(labels.rows) == len(found)
    kept = data.draw(st.lists(st.booleans(), min_size=len(found), max_size=len(found)))
    before = [ET.tostring(each) for each in _without_tails(source)]
    end = len(source)
    for row, stays in reversed(list(zip(labels.rows, kept, strict=True))):
        assert row.start < row.end <= end
        end = row.start
        if not stays:
            source = source[: row.start] + source[row.end :]
    after = [ET.tostring(each) for each in _without_tails(source)]
    assert after == [each for each, stays in zip(before, kept, strict=True) if stays]
    assert len(read(source).rows) == sum(kept)


def _without_tails(source: bytes) -> list[ET.Element]:
    found = ET.fromstring(source).findall("object")
    for each in found:
        each.tail = None
    return found


@given(st.binary(max_size=200))
def test_no_bytes_stop_it(data: bytes) -> None:
    assert read(data).rows
    read(b"<annotation><object><name>" + data + b"</name></object></annotation>")


# find_voc and read_voc_list


def voc(root: Path, stems: str, images: str | None = None, **lists: str) -> Path:
    grow(root, {f"Annotations/{stem}.xml": annotation(thing()) for stem in stems.split()})
    grow(root, {f"JPEGImages/{name}": "" for name in (images or "").split()})
    grow(root, {f"ImageSets/Main/{name}.txt": text for name, text in lists.items()})
    return root


def relative(root: Path, paths: tuple[str, ...]) -> list[str]:
    return [str(Path(path).relative_to(root)) for path in paths]


def found_voc(root: Path) -> VocLayout:
    layout = find_voc(str(root))
    assert layout is not None
    return layout


def test_a_layout_of_voc(tmp_path: Path) -> None:
    root = voc(
        tmp_path,
        "a b c d e sub/f",
        "a.jpg b.PNG b.jpg c.jpg sub/f.jpeg x.jpg notes.txt",
        train="a\nb 1\r\n\nb\nx\nnone\n",
        val="c\nd\n",
        trainval="a\nb\nc\nsub/f",
        aeroplane_train="a -1\n",
    )
    grow(root, {"label_list.txt": "dog\n"})
    layout = found_voc(root)
    assert layout.path == str(root)
    assert (layout.annotations, layout.images) == (str(root / "Annotations"), str(root / "JPEGImages"))
    assert layout.label_list == str(root / "label_list.txt")
    assert relative(root, layout.unlisted) == ["Annotations/e.xml"]
    assert layout.unreadable == ()
    train, val, both = layout.splits
    assert [split.name for split in layout.splits] == ["train", "val", "trainval"]
    assert train.span.path == str(root / "ImageSets/Main/train.txt")
    assert train.files == (
        VocFile(str(root / "Annotations/a.xml"), str(root / "JPEGImages/a.jpg")),
        VocFile(str(root / "Annotations/b.xml"), str(root / "JPEGImages/b.jpg")),
    )
    assert train.twins == ((str(root / "JPEGImages/b.jpg"), str(root / "JPEGImages/b.PNG")),)
    assert relative(root, train.without_label) == ["JPEGImages/x.jpg"]
    assert [(failure.line, failure.reason) for failure in train.unreadable] == [
        (6, "'none' has neither an xml file nor an image")
    ]
    assert relative(root, val.without_image) == ["Annotations/d.xml"]
    assert both.union_of == ()
    grow(root, {"ImageSets/Main/trainval.txt": "a\nb\nc\n"})
    assert found_voc(root).splits[2].union_of == ("train", "val")


def test_a_layout_without_lists(tmp_path: Path) -> None:
    root = voc(tmp_path, "a b", "a.jpg c.jpg")
    for folder in (root, root / "Annotations"):
        (split,) = found_voc(folder).splits
        assert (split.name, split.span.path) == ("all", str(root / "Annotations"))
        assert [Path(file.xml).name for file in split.files] == ["a.xml"]
        assert relative(root, split.without_label) == ["JPEGImages/c.jpg"]
        assert relative(root, split.without_image) == ["Annotations/b.xml"]


def test_xml_files_beside_their_images(tmp_path: Path) -> None:
    grow(tmp_path, {"a.XML": annotation(), "a.jpg": "", "b.jpg": "", "deeper/c.xml": annotation(), "0.xml": "<x"})
    layout = found_voc(Path(f"{tmp_path}/"))
    (split,) = layout.splits
    assert [(Path(file.xml).name, Path(file.image).name) for file in split.files] == [("a.XML", "a.jpg")]
    assert [Path(path).name for path in split.without_label] == ["b.jpg"]
    assert [Path(path).name for path in split.without_image] == ["0.xml"]


def test_the_content_tells_voc_from_others(tmp_path: Path) -> None:
    assert find_voc(str(tmp_path)) is None
    assert find_voc(str(tmp_path / "missing")) is None
    assert find_voc("\0") is None
    grow(tmp_path, {"annotations/train.json": "{}", "a.xml": "<!-- <annotation> --><project/>", "b.xml": ""})
    assert find_voc(str(tmp_path)) is None
    assert find_voc(str(tmp_path / "annotations")) is None
    (tmp_path / "annotations/a.xml").write_bytes(f"<!-- <x> -->{annotation(thing())}".encode("utf-16"))
    assert found_voc(tmp_path).annotations == str(tmp_path / "annotations")


def test_lists_without_any_xml_file_are_voc(tmp_path: Path) -> None:
    root = voc(tmp_path, "", "a.jpg", train="a\n")
    (root / "Annotations").mkdir()
    assert relative(root, found_voc(root).splits[0].without_label) == ["JPEGImages/a.jpg"]


def test_what_cannot_be_read_of_a_layout_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = voc(tmp_path, "a", "a.jpg", train="a\n")
    (root / "Annotations/b.xml").symlink_to("nowhere")
    (failure,) = found_voc(root).unreadable
    assert (failure.path, failure.reason) == (str(root / "Annotations/b.xml"), "a link that leads nowhere")
    (root / "Annotations/b.xml").unlink()
    refuse(monkeypatch, "JPEGImages")
    (failure,) = found_voc(root).unreadable
    assert (failure.path, failure.reason) == (str(root / "JPEGImages"), "Permission denied")
    monkeypatch.setattr(Path, "read_bytes", _denied)
    (failure,) = found_voc(root).splits[0].unreadable
    assert (failure.path, failure.reason) == (str(root / "ImageSets/Main/train.txt"), "Permission denied")
    monkeypatch.setattr(Path, "open", _denied)
    assert find_voc(str(root)) is None


def _denied(*_: object) -> bytes:
    raise PermissionError(13, "Permission denied")


def refuse(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The tests may run as root, who is never refused."""
    scandir = os.scandir

    def refusing(path: str) -> object:
        return _denied() if Path(path).name == name else scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)


def test_a_list_of_paddledetection(tmp_path: Path) -> None:
    pictures(tmp_path, "i/a.jpg", "x/a.xml", "i/b.jpg", "x/c.xml")
    (tmp_path / "train.txt").write_bytes(
        b"i/a.jpg x/a.xml\r\n\ni/a.jpg x/a.xml extra\ni/b.jpg x/b.xml\ni/c.jpg x/c.xml\n"
        b"i/d.jpg x/d.xml\nalone\n\xff \0\n"
    )
    split = read_voc_list(str(tmp_path / "train.txt"), str(tmp_path))
    assert split.name == "train"
    assert split.files == (VocFile(str(tmp_path / "x/a.xml"), str(tmp_path / "i/a.jpg")),)
    assert relative(tmp_path, split.without_label) == ["i/b.jpg"]
    assert relative(tmp_path, split.without_image) == ["x/c.xml"]
    assert [(failure.line, failure.reason) for failure in split.unreadable] == [
        (6, "neither 'i/d.jpg' nor 'x/d.xml' is a file"),
        (7, "'alone' is not an image and an xml file"),
        (8, r"neither '\udcff' nor '\x00' is a file"),
    ]
    missing = read_voc_list(str(tmp_path / "no.txt"), str(tmp_path), "val")
    assert (missing.name, missing.unreadable[0].reason) == ("val", "No such file or directory")


# Class folders


def pictures(root: Path, *paths: str) -> Path:
    grow(root, dict.fromkeys(paths, ""))
    return root


def test_classes_are_the_sorted_folders(tmp_path: Path) -> None:
    pictures(tmp_path, "dog/1.jpg", "dog/deep/0.PNG", "Cat/a.ppm", "dog/notes.txt", "dog/.DS_Store", "x.jpg", "y.txt")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    found = find_class_folders(str(tmp_path))
    assert found is not None
    (split,) = found.splits
    assert (split.name, split.path) == ("all", str(tmp_path))
    assert [folder.name for folder in split.classes] == [".ipynb_checkpoints", "Cat", "dog"]
    assert relative(tmp_path, split.classes[2].images) == ["dog/1.jpg", "dog/deep/0.PNG"]
    assert [folder.name for folder in split.without_images] == [".ipynb_checkpoints"]
    assert relative(tmp_path, split.not_images) == ["dog/notes.txt"]
    assert relative(tmp_path, split.loose) == ["x.jpg"]
    assert found.shifts == found.unreadable == ()


def test_a_class_that_only_one_split_has_moves_the_others(tmp_path: Path) -> None:
    pictures(tmp_path, *(f"train/{name}/1.jpg" for name in "acd"), *(f"validation/{name}/1.jpg" for name in "abcde"))
    pictures(tmp_path, "test/a/1.jpg", "test/d/1.jpg", "other/z/1.jpg")
    found = find_class_folders(str(tmp_path))
    assert found is not None
    assert [split.name for split in found.splits] == ["train", "val", "test"]
    assert [(each.split, each.folder.name, each.index, each.first_index, each.first_name) for each in found.shifts] == [
        ("val", "b", 1, None, "c"),
        ("val", "c", 2, 1, "d"),
        ("val", "d", 3, 2, ""),
        ("val", "e", 4, None, ""),
        ("test", "d", 1, 2, "c"),
    ]
    assert {each.first for each in found.shifts} == {"train"}


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    found = find_class_folders(str(pictures(tmp_path, "train/1.jpg", "bus/1.jpg")))
    assert found is not None
    assert [folder.name for folder in found.splits[0].classes] == ["bus", "train"]


@pytest.mark.parametrize("names", [("train", "val"), ("training", "validation", "testing"), ("Train", "Valid")])
def test_folders_of_splits_have_classes_in_them(tmp_path: Path, names: tuple[str, ...]) -> None:
    found = find_class_folders(str(pictures(tmp_path, *(f"{name}/{kind}/1.jpg" for name in names for kind in "ab"))))
    assert found is not None
    assert [split.name for split in found.splits] == ["train", "val", "test"][: len(names)]
    with pytest.raises(TargetRefused) as refused:
        find_class_folders(str(pictures(tmp_path / "flat", *(f"{name}/3_12.jpg" for name in names))))
    assert "their images are in no class folders" in refused.value.message
    assert r"--pattern '(?P<label>\d+)_.*\.jpg'" in str(refused.value.hint)


@pytest.mark.parametrize(
    "paths",
    [(), ("a.jpg",), ("a/x.txt",), ("images/a.jpg", "labels/a.txt"), ("train2017/a.jpg", "annotations/a.json")],
)
def test_other_layouts_are_left_to_others(tmp_path: Path, paths: tuple[str, ...]) -> None:
    assert find_class_folders(str(pictures(tmp_path, *paths))) is None


def test_a_folder_that_is_missing_has_no_classes(tmp_path: Path) -> None:
    assert find_class_folders(str(tmp_path / "missing")) is None
    (failure,) = labels_by_pattern(str(tmp_path / "missing"), "(?P<label>.*)").unreadable
    assert failure.reason == "No such file or directory"
    assert labels_by_pattern("\0", "(?P<label>.*)").unreadable[0].reason == "embedded null byte"


def test_links_are_followed_once(tmp_path: Path) -> None:
    pictures(tmp_path, "train/cat/1.jpg", "train/dog/1.jpg", "elsewhere/2.jpg")
    cat = tmp_path / "train/cat"
    (cat / "again").symlink_to(cat)
    (cat / "all").symlink_to(tmp_path)
    (cat / "more").symlink_to(tmp_path / "elsewhere")
    (cat / "self.jpg").symlink_to(cat / "self.jpg")
    (cat / "gone.jpg").symlink_to("nowhere")
    os.mkfifo(cat / "pipe.jpg")
    (tmp_path / "val").symlink_to("train")
    found = find_class_folders(str(tmp_path))
    assert found is not None
    assert [split.name for split in found.splits] == ["train", "val"]
    assert relative(tmp_path, found.splits[0].classes[0].images) == ["train/cat/1.jpg", "train/cat/more/2.jpg"]
    assert {(Path(each.path).name, each.reason, each.is_image) for each in found.unreadable} == {
        ("again", f"it is the same folder as {cat}, and is read once", False),
        ("again", f"it is the same folder as {tmp_path / 'val/cat'}, and is read once", False),
        ("all", f"it is the same folder as {tmp_path}, and is read once", False),
        ("self.jpg", "Too many levels of symbolic links", True),
        ("gone.jpg", "a link that leads nowhere", True),
        ("pipe.jpg", "no regular file", True),
    }


def test_a_folder_that_is_refused_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path, "cat/1.jpg", "dog/1.jpg", "dog/secret/2.jpg")
    refuse(monkeypatch, "secret")
    found = find_class_folders(str(tmp_path))
    assert found is not None
    assert [len(folder.images) for folder in found.splits[0].classes] == [1, 1]
    assert [(each.path, each.reason) for each in found.unreadable] == [
        (str(tmp_path / "dog/secret"), "Permission denied")
    ]


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/c\xe9"
    Path(os.fsdecode(folder)).mkdir()
    Path(os.fsdecode(folder + b"/\xff\n.jpg")).touch()
    found = find_class_folders(str(tmp_path))
    assert found is not None
    assert found.splits[0].classes[0].name == "c\udce9"
    assert os.fsencode(found.splits[0].classes[0].images[0]) == folder + b"/\xff\n.jpg"
    (labels,) = labels_by_pattern(str(tmp_path), r"(?P<label>.)\n\.jpg").labels
    assert labels.rows[0].label == "\udcff"


# Labels in file names


def test_a_label_in_the_name_of_the_file(tmp_path: Path) -> None:
    pictures(tmp_path, *(f"training/{name}.jpg" for name in ("3_10", "3_9", "12_1")), "training/notes.txt")
    pictures(tmp_path, "test/0001.jpg", "test/x_1.jpg", "test/4_1.jpg.jpg", "test/4_1.png", "training/.keep")
    found = labels_by_pattern(str(tmp_path), r"(?P<label>\d+)_.*\.jpg")
    assert found.path == str(tmp_path)
    assert relative(tmp_path, found.not_images) == ["training/notes.txt"]
    test, training = found.labels
    assert (training.kind, training.path) == (FOLDER, str(tmp_path / "training"))
    assert [(row.text, row.label) for row in training.rows] == [("12_1.jpg", 12), ("3_10.jpg", 3), ("3_9.jpg", 3)]
    assert {(row.form, row.line, row.start, row.end, row.fault) for row in training.rows} == {("label", 1, 0, 0, "")}
    assert relative(tmp_path, tuple(row.image for row in test.rows)) == [
        f"test/{name}" for name in ("0001.jpg", "4_1.jpg.jpg", "4_1.png", "x_1.jpg")
    ]
    assert [row.label for row in test.rows] == [-1, 4, -1, -1]
    assert [row.fault for row in test.rows if row.label == -1] == ["the name does not match the pattern"] * 3


@pytest.mark.parametrize(
    ("name", "label"), [("cat_1", "cat"), ("007_1", 7), ("-1_1", -1), ("_1", -1), ("9" * 30 + "_1", 10**30 - 1)]
)
def test_text_gives_a_name_and_digits_a_number(tmp_path: Path, name: str, label: int | str) -> None:
    found = labels_by_pattern(str(pictures(tmp_path, f"{name}.jpg")), r"(?P<label>[^_]*)?_.*")
    assert found.labels[0].rows[0].label == label


@pytest.mark.parametrize("pattern", ["(", r"(\d+)_.*", "(?P<class>.*)", "(?P<label>a{99999999999999})"])
def test_a_pattern_without_a_label_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(TargetRefused) as caught:
        labels_by_pattern(str(tmp_path), pattern)
    assert repr(pattern) in caught.value.message.replace("\\", "\\\\")
    assert "(?P<label>" in caught.value.hint


def test_a_chain_of_folders_is_read_to_its_end(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"d" * 300)
    deep.mkdir(parents=True)
    (deep / "a.jpg").touch()
    assert files_below(str(tmp_path)).paths == (str(deep / "a.jpg"),)


# Configurations of PaddleDetection

VOC_DATA = """\
metric: VOC
TrainDataset:
  name: VOCDataSet
  dataset_dir: dataset/roadsign
  image_dir: pictures
  anno_path: train.txt
  label_list: label_list.txt
EvalDataset: {name: VOCDataSet, dataset_dir: /data/roadsign, anno_path: valid.txt}
TestDataset:
  !ImageFolder
    anno_path: dataset/roadsign/label_list.txt
"""


def sources(root: Path, text: str) -> tuple[PaddleSource, ...]:
    grow(root, {**TREE, "configs/ppyoloe/own.yml": text})
    return paddle_sources(root / "configs/ppyoloe/own.yml")


def test_the_sections_of_a_data_yml(tmp_path: Path) -> None:
    grow(tmp_path, {"dataset/roadsign/train.txt": ""})
    train, val, test = sources(tmp_path, VOC_DATA)
    place = tmp_path / "dataset/roadsign"
    assert (train.split, train.format, train.reason) == ("train", VOC, "")
    assert (train.annotations, train.images) == (str(place / "train.txt"), str(place / "pictures"))
    assert train.label_list == str(place / "label_list.txt")
    assert train.num_classes is None
    assert (train.span.path, train.span.line) == (str(tmp_path / "configs/ppyoloe/own.yml"), 2)
    assert (val.split, val.annotations, val.images) == ("val", "/data/roadsign/valid.txt", "/data/roadsign")
    assert val.reason == "there is no file /data/roadsign/valid.txt"
    assert (test.split, test.format, test.label_list) == ("test", "", str(place / "label_list.txt"))
    assert test.reason == "an ImageFolder has no labels: its anno_path only names the classes"
    assert (test.is_passed_over, val.is_passed_over) == (True, False)


def test_what_is_inherited_counts(tmp_path: Path) -> None:
    grow(tmp_path, {"dataset/fruit/annotations/train.json": "{}"})
    (source,) = sources(tmp_path, OWN)
    fruit = tmp_path / "dataset/fruit"
    assert (source.split, source.format, source.num_classes, source.reason) == ("train", COCO, 3, "")
    assert (source.annotations, source.images) == (str(fruit / "annotations/train.json"), str(fruit / "train"))
    assert source.span.path == str(tmp_path / "configs/datasets/fruit.yml")
    assert paddle_sources(tmp_path / "configs/datasets/fruit.yml") == (source,)
    (own,) = sources(tmp_path, f"{OWN}num_classes: 5\nTrainDataset: !COCODataSet {{anno_path: other.json}}\n")
    assert (own.num_classes, own.annotations, own.images) == (5, str(tmp_path / "other.json"), str(tmp_path))
    # A mapping without a tag over one with a tag replaces it, as in ppdet: no name is left.
    (odd,) = sources(tmp_path, f"{OWN}TrainDataset: {{anno_path: other.json}}\n")
    assert odd.reason == "it has neither a tag nor a name that says what it is"


def test_untagged_sections_are_merged(tmp_path: Path) -> None:
    base = DATA.replace("!COCODataSet\n", "name: COCODataSet\n").replace("    image", "  image")
    base = base.replace("    anno", "  anno").replace("    dataset", "  dataset")
    grow(tmp_path, {"configs/datasets/merged.yml": base})
    (source,) = sources(tmp_path, "_BASE_: ['../datasets/merged.yml']\nTrainDataset: {anno_path: b.json}\n")
    assert (source.format, source.annotations) == (COCO, str(tmp_path / "dataset/fruit/b.json"))
    assert source.images == str(tmp_path / "dataset/fruit/train")


def test_lists_of_data_sets_and_of_paths(tmp_path: Path) -> None:
    found = sources(
        tmp_path,
        "TrainDataset:\n- !COCODataSet {anno_path: [a.json, b.json], image_dir: [a, b]}\n"
        "- {name: COCODataSet, anno_path: [c.json, d.json], image_dir: both}\n- what\nnum_classes: true\n",
    )
    names = [(Path(each.annotations).name, Path(each.images).name, each.span.line) for each in found]
    assert names[:4] == [("a.json", "a", 2), ("b.json", "b", 2), ("c.json", "both", 3), ("d.json", "both", 3)]
    assert found[4].reason == "it has neither a tag nor a name that says what it is"
    assert {each.num_classes for each in found} == {None}


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("!MOTDataSet {image_lists: [a]}", "MOTDataSet is neither COCO nor VOC"),
        ("!COCODataSet {image_dir: a}", "it has no anno_path"),
        ("!COCODataSet {anno_path: ~}", "it has no anno_path"),
        ("!COCODataSet {anno_path: 3}", "anno_path is 3, which is no path"),
        ("!COCODataSet {anno_path: a, dataset_dir: [a]}", "dataset_dir is ['a'], which is no path"),
        ("!COCODataSet {anno_path: a, image_dir: {}}", "it has no anno_path"),
        ("!COCODataSet", "it has no anno_path"),
        ("{name: 7}", "7 is neither COCO nor VOC"),
        ("~", "it has neither a tag nor a name that says what it is"),
        ('!COCODataSet {anno_path: "a\\0"}', None),
    ],
)
def test_what_is_not_read_says_why(tmp_path: Path, section: str, reason: str | None) -> None:
    (source,) = sources(tmp_path, f"EvalDataset: {section}\n")
    if section.endswith("image_dir: {}}"):
        reason = f"there is no file {tmp_path / 'a'}"
    assert source.reason == (reason or f"there is no file {tmp_path}/a\0")
    assert source.split == "val"


def test_a_yml_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable):
        paddle_sources(tmp_path / "no.yml")
    assert sources(tmp_path, "epoch: 3\n") == ()


@pytest.mark.parametrize("threads", [1, 16])
def test_files_read_together_are_what_each_of_them_is(tmp_path: Path, threads: int) -> None:
    paths = []
    for number in range(300):
        path = tmp_path / f"{number}.txt"
        path.write_bytes(b"x" * (number * 400))
        paths.append(str(path))
    (tmp_path / "large.txt").write_bytes(bytes(LIMIT + 1))
    os.mkfifo(tmp_path / "pipe.txt")
    paths[7:7] = [str(tmp_path / name) for name in ("large.txt", "pipe.txt", "missing.txt")]
    paths += [str(tmp_path), "a\0b"]
    together, alone = read_together(paths, threads), list(map(read_file, paths))
    assert [str(data) if isinstance(data, OSError) else data for data in together] == [
        str(data) if isinstance(data, OSError) else data for data in alone
    ]
    assert together[7] is None
    assert [isinstance(data, OSError) for data in together[8:10] + together[-2:]] == [True] * 4
