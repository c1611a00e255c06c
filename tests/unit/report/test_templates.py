from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from pydicom.sr.codedict import codes

from ctsma_node import analysis, gate
from ctsma_node.analysis.result import Mark, Parameter
from ctsma_node.report.codes import Code, TemplateError
from ctsma_node.report.templates import Templates, load_templates, parse_templates
from ctsma_node.report.texts import OWN

FILES = {
    each.name: each.read_bytes()
    for each in resources.files("dicom_templates").iterdir()
    if each.name.endswith(".toml")
}
LANGUAGES = sorted(name.split(".")[1] for name in FILES if name.startswith("texts."))
NEVER_EXPLAINED = {"unreadable", "several_series", "several_patients", "missing_uid"}


def changed(name: str, old: str, new: str) -> dict[str, bytes]:
    text = FILES[name].decode()
    assert old in text
    return {**FILES, name: text.replace(old, new).encode()}


def all_codes(templates: Templates) -> list[Code]:
    tables = (getattr(templates, name) for name in Templates.__dataclass_fields__)
    found = [code for table in tables if isinstance(table, dict) for code in table.values()]
    return [code for code in found if isinstance(code, Code)]


def test_the_templates_that_ship_are_complete() -> None:
    templates = load_templates()
    assert templates.scheme.designator.startswith("99")
    numbers = [s.number for name, s in templates.series.items() if name != "not_analysed"]
    numbers += [n + templates.right_knee_offset for n in numbers]
    assert len(set(numbers)) == len(numbers)
    assert templates.series["not_analysed"].number == templates.series["text_report"].number
    assert all("RESEARCH" in s.description for s in templates.series.values())
    assert all("{side}" in s.description for s in templates.series.values())


def test_every_code_of_a_context_group_is_in_it() -> None:
    """As pydicom has read PS3.16."""
    checked = 0
    for code in all_codes(load_templates()):
        if group := re.fullmatch(r"PS3\.16 CID (\d+)", code.source):
            members = getattr(codes, f"cid{group[1]}").concepts.values()
            same = [m for m in members if (m.value, m.scheme_designator) == (code.value, code.scheme)]
            assert same, code
            assert same[0].meaning.lower() == code.meaning.lower()
            checked += 1
    assert checked > 30


def test_no_two_private_codes_are_the_same() -> None:
    private = [code.value for code in all_codes(load_templates()) if code.source.startswith("private")]
    assert len(set(private)) == len(private)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("codes.toml", '"BVTV"', '"BVTV-IS-FAR-TOO-LONG"', "1 to 16"),
        ("codes.toml", '"Femur"', f'"{"x" * 65}"', "1 to 64"),
        ("codes.toml", '["TBTH", "99CTSMA"', '["TBTH", "99OTHER"', "not identified"),
        ("codes.toml", '"99CTSMA"', '"CTSMA"', "starts with 99"),
        ("codes.toml", "normal =", "healthy =", "normal"),
        (
            "codes.toml",
            '["12611008", "SCT", "Tibia", "PS3.16 CID 7304"]',
            '["12611008", "SCT", "Tibia"]',
            "unpack",
        ),
        ("codes.toml", '"PS3.16 CID 7304"', '"somewhere"', "no source"),
        ("codes.toml", '"PS3.16 CID 7304"', '"private: I did not look"', "private, or of"),
        ("objects.toml", "[0.05, 0.45]", "[0.45, 0.05]", "not below"),
        ("objects.toml", "right_knee_offset = 50", "", "right_knee_offset"),
        ("texts.en.toml", '"en", "RFC5646"', '"en", ""', "1 to 16"),
        ("texts.en.toml", '"BV/TV" = ["less bone", "more bone"]', "", "BV/TV"),
    ],
)
def test_a_template_that_breaks_a_rule_is_refused_on_load(
    name: str, old: str, new: str, message: str
) -> None:
    with pytest.raises(TemplateError, match=message):
        parse_templates(changed(name, old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('banner = "', 'baner = "', "German lacks banner"),
        ('probability = "Wahrscheinlichkeit einer Arthrose', 'p = "', "German lacks picture.probability"),
        ('trochlea = "Trochlea"', "", "German lacks terms.trochlea"),
        ("knee_cut_off =", "knee_cut =", "German lacks reasons.knee_cut_off"),
        ("unfamiliar =", "odd =", "German lacks marks.unfamiliar"),
        ('banner = "', 'extra = "x"\nbanner = "', "German has extra"),
        ("{count} von {total}", "{count} von", "German fills subregions_marked"),
    ],
)
def test_a_language_that_lacks_a_text_is_refused_by_its_name(old: str, new: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        parse_templates(changed("texts.de.toml", old, new), "de")


def test_a_language_without_a_file_is_refused() -> None:
    with pytest.raises(TemplateError, match=r"texts\.xx\.toml"):
        load_templates("xx")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_loads_and_names_itself(language: str) -> None:
    texts = load_templates(language).texts
    assert (texts.language.value, texts.language.scheme) == (language, "RFC5646")
    assert set(texts.changes) == set(Parameter)


def test_german_says_it_in_german_and_english_in_the_nodes_own_words() -> None:
    german, english = (load_templates(language).texts for language in ("de", OWN))
    mark = Mark("unfamiliar", "the CT is unlike others (score 2.1)")
    assert german.mark(mark).startswith("Die CT ist anders")
    assert english.mark(mark) == mark.text
    assert english.coded_mark(mark) == f"unfamiliar: {mark.text}"
    assert german.reason("knee_cut_off", "x").startswith("Das Knie")
    assert (english.reason("knee_cut_off", "x"), german.reason("unheard_of", "y")) == ("x", "y")
    assert (german.term("medial femur"), english.term("medial femur")) == ("mediales Femur", "medial femur")
    source = (Path(analysis.__file__).parent / "explain.py").read_text()
    references = re.findall(r'^_\w+_KNEES = "(.+)"$', source, re.MULTILINE)
    assert [german.term(each)[:4] for each in references] == ["ein ", "ein "]


def test_every_refusal_has_a_code_and_every_mark_a_translation() -> None:
    """The codes of the gate and those that the analysis' sources name."""
    sources = "".join(each.read_text() for each in Path(analysis.__file__).parent.glob("*.py"))
    refused = set(re.findall(r'Refused\(\s*"(\w+)"', sources)) | set(gate.REASONS)
    assert set(load_templates().reasons) == refused - NEVER_EXPLAINED | {"other"}
    assert set(load_templates("de").texts.marks) == set(re.findall(r'Mark\(\s*"(\w+)"', sources))
    assert load_templates().reason("unheard_of").value == "NA-OTHER"


def test_any_change_of_a_template_changes_the_digest() -> None:
    other = parse_templates(changed("texts.en.toml", "not for diagnosis", "not for any diagnosis"))
    assert other.digest != load_templates().digest
    assert load_templates("de").digest != load_templates().digest


def test_an_empty_code_is_refused() -> None:
    with pytest.raises(TemplateError):
        Code("", "DCM", "nothing", "UCUM")
