"""The tables of attributes are those of the standard, as highdicom generated them."""

from __future__ import annotations

from pydicom.datadict import tag_for_keyword
from pydicom.uid import UID

from ctsma_node.validation.tables import Required, tables
from tests.unit.validation import standard_tables


def test_the_file_is_what_the_standard_says() -> None:
    """After a change of classes.toml or of highdicom: python -m tests.unit.validation.standard_tables."""
    assert (standard_tables.ROOM / "modules.json").read_text() == standard_tables.text()


def test_every_keyword_is_an_attribute() -> None:
    known = tables()
    keywords = {
        *known.enumerated,
        *(
            keyword
            for each in known.classes.values()
            for keyword in (*each.values, *each.groups, *each.pixels)
        ),
        *(trigger for each in known.classes.values() for trigger, _ in each.where),
    }
    assert [keyword for keyword in keywords if tag_for_keyword(keyword) is None] == []


def test_classes_are_named_as_the_standard_names_them() -> None:
    listed = {UID(uid): each.name for uid, each in tables().classes.items()}
    known = {uid: name for uid, name in listed.items() if uid.type}  # pydicom 3.0 knows no label map
    assert len(known) >= 9
    for uid, name in known.items():
        assert uid.name.removesuffix(" Storage").removesuffix(" Document") == name


def test_what_is_required_of_a_segmentation() -> None:
    """A sample by eye (PS3.3 C.8.20.2)."""
    segmentation = tables().of("1.2.840.10008.5.1.4.1.1.66.4")
    required = {each.keyword: each for module in segmentation.modules for each in module.attributes}
    assert (required["SegmentationType"].type, required["ContentDescription"].type) == ("1", "2")
    assert Required("SegmentNumber", "1") in required["SegmentSequence"].items
    assert required["PatientName"].type == "2"
    assert tables().of("1.2.3").uid == ""
