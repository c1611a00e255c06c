from __future__ import annotations

from importlib import resources

import pytest

from ctsma_node.report.templates import Code, TemplateError, load_templates, parse_templates

FILES = {
    name: resources.files("dicom_templates").joinpath(name).read_bytes()
    for name in ("codes.toml", "objects.toml")
}


def changed(name: str, old: str, new: str) -> dict[str, bytes]:
    text = FILES[name].decode()
    assert old in text
    return {**FILES, name: text.replace(old, new).encode()}


def test_the_templates_that_ship_are_complete() -> None:
    templates = load_templates()
    assert templates.scheme.designator.startswith("99")
    numbers = [s.number for s in templates.series.values()]
    numbers += [n + templates.right_knee_offset for n in numbers]
    assert len(set(numbers)) == len(numbers)
    assert all("RESEARCH" in s.description for s in templates.series.values())
    assert all("{side}" in s.description for s in templates.series.values())


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("codes.toml", '"BVTV"', '"BVTV-IS-FAR-TOO-LONG"', "1 to 16"),
        ("codes.toml", '"Femur"', f'"{"x" * 65}"', "1 to 64"),
        ("codes.toml", '["TBTH", "99CTSMA"', '["TBTH", "99OTHER"', "not identified"),
        ("codes.toml", '"99CTSMA"', '"CTSMA"', "starts with 99"),
        ("codes.toml", "normal =", "healthy =", "normal"),
        ("codes.toml", 'tibia = ["12611008", "SCT", "Tibia"]', 'tibia = ["12611008"]', "unpack"),
        ("objects.toml", "[0.05, 0.45]", "[0.45, 0.05]", "not below"),
        ("objects.toml", "right_knee_offset = 50", "", "right_knee_offset"),
    ],
)
def test_a_template_that_breaks_a_rule_is_refused_on_load(
    name: str, old: str, new: str, message: str
) -> None:
    with pytest.raises(TemplateError, match=message):
        parse_templates(changed(name, old, new))


def test_any_change_of_a_template_changes_the_digest() -> None:
    other = parse_templates(changed("objects.toml", "not for diagnosis", "not for any diagnosis"))
    assert other.digest != load_templates().digest


def test_an_empty_code_is_refused() -> None:
    with pytest.raises(TemplateError):
        Code("", "DCM", "nothing")
