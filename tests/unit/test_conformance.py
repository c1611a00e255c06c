"""The conformance statement: the committed one is current, and it says everything that the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pynetdicom.sop_class
import pytest
from typer.testing import CliRunner

from ctsma_node.config import OBJECT_KINDS, Settings
from ctsma_node.conformance import statement
from ctsma_node.conformance.created import created, name_of
from ctsma_node.conformance.markdown import fill, places, table
from ctsma_node.receive.contexts import STORAGE_CLASSES, supported_contexts
from tests.import_graph import modules_of

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "deploy" / "conformance-statement.md"


@pytest.fixture(scope="module")
def text() -> str:
    return statement(Settings())


def test_the_committed_statement_is_current(text: str) -> None:
    """If not: ctsma-node conformance --defaults > deploy/conformance-statement.md."""
    assert COMMITTED.read_text(encoding="utf-8") == text


def test_no_place_of_the_template_is_left(text: str) -> None:
    assert places(text) == []
    assert "{{" not in text


def test_every_context_that_is_accepted_stands_in_it(text: str) -> None:
    for context in supported_contexts():
        assert f"| {context.abstract_syntax} |" in text
        assert context.transfer_syntax
        assert [each for each in context.transfer_syntax if f"({each})" not in text] == []


def test_every_kind_of_object_stands_in_it(text: str) -> None:
    assert {kind for each in created() for kind in each.kinds} == set(OBJECT_KINDS)
    for kind in OBJECT_KINDS:
        assert re.search(rf"^#### A\.1\.\d+ .*`{kind}`", text, re.MULTILINE), kind


def test_every_service_that_the_code_names_stands_in_it(text: str) -> None:
    """A SOP class of a service that a module imports is one that the node provides or uses."""
    sources = [path.read_text(encoding="utf-8") for path in modules_of(ROOT, ("ctsma_node",)).values()]
    imported = {
        name
        for source in sources
        for line in re.findall(r"from pynetdicom\.sop_class import (?:\(([^)]*)\)|(.*))", source)
        for name in re.findall(r"\w+", "".join(line))
    }
    assert "Verification" in imported
    missing = [name for name in imported if str(getattr(pynetdicom.sop_class, name)) not in text]
    assert missing == [], "describe the new service in ctsma_node/conformance"


def test_attributes_are_told_apart_by_where_they_come_from() -> None:
    (volume,) = [each for each in created() if each.kinds == ("volume",)]
    found = {
        each.name: (each.presence, each.source, each.value) for each in volume.elements if not each.depth
    }
    assert found["Patient ID"] == ("VNAP", "COPY", "")
    assert found["Patient's Age"] == ("ANAP", "COPY", "")
    assert found["Institution Name"] == ("ANAP", "CONFIG", "")
    assert found["Content Qualification"] == ("ALWAYS", "FIXED", "RESEARCH")
    assert found["Rows"] == ("ALWAYS", "AUTO", "")
    assert found["SOP Instance UID"] == ("ALWAYS", "AUTO", "")
    assert found["Acquisition Number"] == ("EMPTY", "AUTO", "")


def test_every_uid_in_it_has_its_name(text: str) -> None:
    named = re.findall(r"^\| ([A-Z][^|]*?) \| (1\.2\.840\.10008\.[0-9.]+) \|", text, re.MULTILINE)
    assert len(named) > len(STORAGE_CLASSES)
    assert [(name, uid) for name, uid in named if name_of(uid) != name] == []


def test_the_command_writes_it_for_a_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ctsma_node.cli import app

    config = tmp_path / "node.toml"
    config.write_text('[node]\nae_title = "KNEES"\nport = 104\n[limits]\nmax_associations = 7\n')
    done = CliRunner().invoke(app, ["conformance", "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert "| AE title | KNEES (configurable) |" in done.output
    assert "| associations at once, all peers together | 7; beyond" in done.output


def test_the_command_takes_the_settings_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ctsma_node.cli import app, terminal

    config = tmp_path / "node.toml"
    config.write_text('[node]\nae_title = "KNEES"\n')
    monkeypatch.setattr(terminal, "SYSTEM_CONFIG", config)
    assert "| AE title | KNEES (" in CliRunner().invoke(app, ["conformance"]).output
    assert "| AE title | CTSMA (" in CliRunner().invoke(app, ["conformance", "--defaults"]).output


def test_a_table_escapes_its_bars() -> None:
    assert table(("a", "b"), [("x|y", 1)]) == "| a | b |\n| --- | --- |\n| x\\|y | 1 |"


def test_a_place_without_a_part_is_an_error() -> None:
    assert fill("one\n{{two}}\n", {"two": lambda: "2"}) == "one\n2\n"
    with pytest.raises(KeyError, match="three"):
        fill("{{three}}", {})
