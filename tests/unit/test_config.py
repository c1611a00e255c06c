"""node.toml: what is right is loaded, what is wrong is named, and the example says what the code does."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from pydantic import BaseModel

from ctsma_node.config import (
    DEFAULT_KINDS,
    LANGUAGES,
    OBJECT_KINDS,
    DestinationSettings,
    DicomWebSettings,
    Settings,
    load,
)
from ctsma_node.config.refusals import EXPLAINABLE
from ctsma_node.errors import SettingsError
from ctsma_node.gate import GateSettings
from ctsma_node.report import ALL_OBJECTS, DEFAULT_OBJECTS
from ctsma_node.report.templates import load_templates

EXAMPLE = Path(__file__).parents[2] / "deploy" / "node.example.toml"


def written(folder: Path, text: str) -> Path:
    path = folder / "node.toml"
    path.write_text(text, encoding="utf-8")
    return path


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(written(folder, text), {})
    return str(caught.value)


def test_without_a_file_the_defaults_hold() -> None:
    assert load(None, {}) == Settings()
    assert load(None, {}).node.bind == "127.0.0.1"


def test_the_example_loads_and_says_the_defaults() -> None:
    example, defaults = load(EXAMPLE, {}), Settings()
    for section in Settings.model_fields:
        if section not in ("sources", "destinations"):
            assert getattr(example, section) == getattr(defaults, section), section
    assert example.destinations[0].objects == DEFAULT_KINDS


def test_the_languages_are_those_of_the_templates() -> None:
    files = sorted(each.name for each in resources.files("dicom_templates").iterdir())
    assert [name for name in files if name.startswith("texts.")] == sorted(
        f"texts.{language}.toml" for language in LANGUAGES
    )


def test_the_kinds_of_object_are_those_of_the_report() -> None:
    assert set(OBJECT_KINDS) == ALL_OBJECTS
    assert set(DEFAULT_KINDS) == DEFAULT_OBJECTS


def test_the_refusals_that_can_be_explained_are_those_with_a_code() -> None:
    assert set(EXPLAINABLE) == set(load_templates().reasons) - {"other"}
    assert len(set(EXPLAINABLE)) == len(EXPLAINABLE)


@pytest.mark.parametrize(
    ("said", "meant"),
    [('"all"', EXPLAINABLE), ('"none"', ()), ("[]", ()), ('["localizer"]', ("localizer",))],
)
def test_refusals_are_chosen_by_code_or_all_or_none(
    tmp_path: Path, said: str, meant: tuple[str, ...]
) -> None:
    settings = load(written(tmp_path, f"[report]\nexplain_refusals = {said}"), {})
    assert settings.report.explain_refusals == meant


def test_the_example_names_every_setting() -> None:
    tree = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    commented = set(re.findall(r"^# (\w+) = ", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE))
    for section, field in Settings.model_fields.items():
        content = tree[section][0] if isinstance(tree[section], list) else tree[section]
        model = field.annotation if isinstance(field.annotation, type) else None
        if model is None or not issubclass(model, BaseModel):
            model = type(getattr(load(EXAMPLE, {}), section)[0])
        assert set(content) | commented >= set(model.model_fields), section
    assert commented >= set(DicomWebSettings.model_fields) - set(DestinationSettings.model_fields)


def test_the_gate_section_is_the_gates_own_settings() -> None:
    assert GateSettings(**Settings().gate.model_dump()) == GateSettings()
    assert set(type(Settings().gate).model_fields) == set(GateSettings.model_fields)


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    settings = load(written(tmp_path, '[node]\nstate_dir = "state"\n[analysis]\nbundle = "b"'), {})
    assert settings.node.state_dir == tmp_path / "state"
    assert settings.analysis.bundle == str(tmp_path / "b")
    assert settings.inbox_path == tmp_path / "state" / "inbox.sqlite3"


FILES = re.compile(r"(.+_)?(certificate|key|ca|file|bundle|crl)")
"""How a setting is called that names a file or a folder beside node.toml."""


def test_every_setting_that_names_a_file_starts_there(tmp_path: Path) -> None:
    called = f'host = "a.example"\nport = 104\nae_title = "A"\n{files_of(DestinationSettings)}'
    web = f'kind = "dicomweb"\nname = "w"\nurl = "https://a.example"\n{files_of(DicomWebSettings)}'
    web = web.replace('basic_file = "here"\n', "")  # one of the two
    parts = [
        f'[[destinations]]\nname = "a"\n{called}',
        f"[[destinations]]\n{web}",
        f'[[sources]]\nae_title = "A"\naddresses = ["::1"]\n[sources.query]\n{called}',
    ]
    sections = {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    parts += [f"[{name}]\n{files_of(section)}" for name, section in sections.items()]
    text = "\n".join(parts)
    text = text.replace(
        "[notify]", '[notify]\nsmtp_host = "a"\nsmtp_user = "u"\nsender = "s"\nrecipients = ["r"]'
    )
    assert text.count('"here"') > 15
    found = str(load(written(tmp_path, text), {}).model_dump())
    assert found.count(f"{tmp_path}/here") == text.count('"here"')
    assert "'here'" not in found


def files_of(section: type[BaseModel]) -> str:
    named = (
        name
        for name, field in section.model_fields.items()
        if field.annotation is str and FILES.fullmatch(name)
    )
    return "".join(f'{name} = "here"\n' for name in named)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[node]\nprot = 3", "[node] prot: unknown key; did you mean `port`?"),
        ("[ndoe]\nport = 3", "[ndoe]: unknown key; did you mean `node`?"),
        ("[gate]\nqqq = 1", "[gate] qqq: unknown key; valid are: min_age_years,"),
        ("[node]\nport = 70000", "[node] port: "),
        ('[node]\nae_title = "SEVENTEEN_LETTERS"', "[node] ae_title: an AE title has 1 to 16"),
        ('[node]\nae_title = "A\\\\B"', "[node] ae_title: an AE title has 1 to 16"),
        ('[node]\nbind = "not an address"', "[node] bind: not an IP address"),
        ('[[sources]]\nae_title = "A"\naddresses = []', "[[sources]] 1 addresses: "),
        (
            '[[sources]]\nae_title = "A"\naddresses = ["10.0.0.1/8"]',
            "1 addresses 1: not a network",
        ),
        ('[[sources]]\nae_title = "A"\naddresses = ["10.0.0.300"]', "[[sources]] 1 addresses 1: not an IP"),
        ('[[sources]]\nae_title = "A"\nadresses = ["::1"]', "did you mean `addresses`?"),
        ('[sources]\nae_title = "A"', "[sources]: double brackets are wanted: [[sources]]"),
        ('[destinations]\nname = "a"', "[destinations]: double brackets are wanted: [[destinations]]"),
        ("[completion]\nshort_quiet_s = 60", "[completion]: short_quiet_s is longer"),
        ("[completion]\nshort_quiet_s = nan", "[completion] short_quiet_s: "),
        ('[analysis]\ndevice = "gpu"', "[analysis] device: "),
        ('[log]\nlevel = "loud"', "[log] level: "),
        (
            '[report]\nexplain_refusals = ["knee_cutoff"]',
            "no refusal `knee_cutoff` can be explained; did you mean `knee_cut_off`?",
        ),
        ('[report]\nlanguage = "fr"', "[report] language: "),
        ("port = ", "is not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in complaint(tmp_path, text)


def test_every_error_is_told_at_once(tmp_path: Path) -> None:
    assert len(complaint(tmp_path, "[node]\nport = -1\nprot = 1\n[gat]").splitlines()) == 4


def test_a_wrong_address_is_told_once(tmp_path: Path) -> None:
    told = complaint(tmp_path, '[[sources]]\nae_title = "A"\naddresses = ["10.0.0.300"]').splitlines()
    assert len(told) == 2


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Editors of Windows leave one."""
    (tmp_path / "node.toml").write_text("[node]\nport = 104\n", encoding="utf-8-sig")
    assert load(tmp_path / "node.toml", {}).node.port == 104


def test_two_destinations_cannot_share_a_name(tmp_path: Path) -> None:
    one = '[[destinations]]\nname = "a"\nae_title = "A"\nhost = "h"\nport = 1\n'
    assert "two destinations have the same name" in complaint(tmp_path, one * 2)


def test_a_report_that_cannot_reach_the_node_is_told(tmp_path: Path) -> None:
    one = '[[destinations]]\nname = "a"\nae_title = "A"\nhost = "h"\nport = 1\nproof = "commitment"\n'
    assert load(written(tmp_path, one), {}).destinations[0].proof == "commitment"
    wrong = complaint(tmp_path, one + 'calling_ae_title = "OTHER"')
    assert "calling_ae_title must be that of [node]" in wrong


WEB = '[[destinations]]\nkind = "dicomweb"\nname = "w"\n'


def test_a_destination_can_be_a_web_server(tmp_path: Path) -> None:
    text = WEB + 'url = "https://pacs.example/dicom-web/"\ntoken_file = "token"\nca_file = "/etc/ca.pem"\n'
    (web,) = load(written(tmp_path, text), {}).destinations
    assert isinstance(web, DicomWebSettings)
    assert (web.url, web.objects) == ("https://pacs.example/dicom-web", DEFAULT_KINDS)
    assert (web.token_file, web.basic_file, web.ca_file) == (str(tmp_path / "token"), "", "/etc/ca.pem")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WEB + 'ulr = "https://h/"', "[[destinations]] 1 ulr: unknown key; did you mean `url`?"),
        (WEB + 'url = "pacs.example"', "[[destinations]] 1 url: not an http(s) address"),
        (WEB + 'url = "https://me:secret@h/"', "[[destinations]] 1 url: not an http(s) address"),
        (WEB + 'url = "http://h"\ntoken_file = "t"', "[[destinations]] 1: credentials go over https only"),
        (WEB + 'url = "https://h"\nproof = "commitment"', "[[destinations]] 1 proof: "),
        ('[[destinations]]\nkind = "ftp"', '[[destinations]] 1: kind is "dicom" or "dicomweb"'),
        (
            '[[destinations]]\nname = "a"\nprot = 1',
            "[[destinations]] 1 prot: unknown key; did you mean `port`?",
        ),
    ],
)
def test_what_is_wrong_with_a_web_server_is_named(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in complaint(tmp_path, text)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml", {})


def test_the_environment_wins(tmp_path: Path) -> None:
    path = written(tmp_path, "[node]\nport = 1")
    settings = load(path, {"CTSMA_NODE__PORT": "104", "CTSMA_GATE__ALLOW_LOSSY": "true", "PATH": "x"})
    assert (settings.node.port, settings.gate.allow_lossy) == (104, True)


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(SettingsError, match="did you mean `port`"):
        load(None, {"CTSMA_NODE__PROT": "104"})


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().node.port = 3


def test_the_rules_that_the_example_shows_can_be_used(tmp_path: Path) -> None:
    shown = re.search(r"^# rules = \[\n(# .*\n)+?# \]$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert shown
    rules = load(written(tmp_path, "[choice]\n" + re.sub("^# ", "", shown[0], flags=re.M)), {}).choice.rules
    assert {rule.action for rule in rules} == {"exclude", "prefer"}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ('action = "take"', "[choice] rules 1 action: "),
        ('action = "prefer", kernal = "B"', "did you mean `kernel`?"),
        ('action = "prefer", kernel = "B("', "[choice] rules 1 kernel: not a regular expression"),
        ('action = "prefer", orientation = ["diagonal"]', "[choice] rules 1 orientation 1: "),
        ('action = "prefer", max_spacing_mm = 0', "[choice] rules 1 max_spacing_mm: "),
    ],
)
def test_a_wrong_rule_is_named(tmp_path: Path, conditions: str, expected: str) -> None:
    assert expected in complaint(tmp_path, f'[choice]\nrules = [{{ name = "a", {conditions} }}]')


def test_two_rules_cannot_share_a_name(tmp_path: Path) -> None:
    one = '{ name = "a", action = "exclude" }'
    assert "two rules have the same name" in complaint(tmp_path, f"[choice]\nrules = [{one}, {one}]")
