"""The commands as a person types them: what they say, and how they end."""

from __future__ import annotations

import csv
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pynetdicom import AE, evt
from typer.testing import CliRunner, Result

from ctsma_node.analysis.result import Side
from ctsma_node.cli import app
from ctsma_node.cli.tables import write_measurements
from ctsma_node.commands import Action, Command, CommandFolder
from ctsma_node.config import load
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.records import SeriesState
from ctsma_node.report import NodeIdentity, build_set, write_object
from tests.fixtures.ct_series import StackPlan, single_frames, write
from tests.unit.report.knee_results import analysis, source_headers
from tests.unit.validation.planted import few_subregions

Run = Callable[..., Result]
COMMANDS = (
    *("serve", "receive", "work", "analyse", "validate", "send", "status", "health"),
    *("explain", "requeue", "resend", "cancel"),
    *("destination", "check-config", "demo"),
)
OPERATING = ("purge", "doctor", "backup", "restore", "export-case")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(each) for each in arguments])

    return invoke


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text('[node]\nstate_dir = "state"\n')
    return path


@pytest.mark.parametrize("command", COMMANDS + OPERATING)
def test_help_teaches_by_an_example(run: Run, command: str) -> None:
    shown = run(command, "--help")
    assert shown.exit_code == 0
    assert f"ctsma-node {command}" in re.sub(r"\s+", " ", shown.output)


def test_sections_are_no_markup(run: Run) -> None:
    assert "older than [retention] says" in run("purge", "--help").output


def test_settings_that_cannot_be_used_end_with_2_and_the_nearest_key(run: Run, config: Path) -> None:
    config.write_text('[node]\nae_titel = "X"\n')
    shown = run("status", "--config", config)
    assert shown.exit_code == 2
    assert "[node] ae_titel: unknown key; did you mean `ae_title`?" in shown.output


def test_status_before_anything_came(run: Run, config: Path) -> None:
    assert "No series yet" in run("status", "--config", config).output
    assert json.loads(run("status", "--json", "--config", config).output) == {
        "cases": [],
        "quarantined": {},
        "destinations": [],
        "outbox": {"bytes": 0, "quota_bytes": 2147483648, "full": False},
    }
    assert not (config.parent / "state").exists()


def test_a_ledger_that_cannot_be_read_is_a_sentence(run: Run, config: Path) -> None:
    (config.parent / "state").mkdir()
    (config.parent / "state" / "ledger.sqlite3").write_bytes(b"garbage" * 1000)
    shown = run("status", "--config", config)
    assert shown.exit_code == 1
    assert (
        "a ledger in the state folder cannot be read or written (DatabaseError: file is not" in shown.output
    )
    assert "Traceback" not in shown.output


def test_status_names_state_code_and_reason(run: Run, config: Path) -> None:
    state = config.parent / "state"
    state.mkdir()
    cases = Cases(state / "ledger.sqlite3")
    case = cases.upsert_series("1.2.3", "1.2", 1.0, 3, "SCANNER")
    cases.move(case.id, SeriesState.STABLE)
    cases.move(case.id, SeriesState.REFUSED, code="not_ct", reason="None of the instances is a CT.")
    shown = run("status", "--config", config).output
    assert "refused" in shown
    assert "not_ct: None of the instances is a CT." in shown
    described = json.loads(run("status", "--json", "--config", config).output)["cases"][0]
    assert (described["state"], described["code"], described["deliveries"]) == ("refused", "not_ct", [])
    cases.close()


@pytest.fixture
def ended(config: Path) -> Iterator[Cases]:
    """A ledger whose first case was refused and whose second one is receiving."""
    (config.parent / "state").mkdir()
    cases = Cases(config.parent / "state" / "ledger.sqlite3")
    case = cases.upsert_series("1.2.3", "1.2", 1.0, 3, "SCANNER")
    cases.move(case.id, SeriesState.STABLE)
    cases.move(case.id, SeriesState.REFUSED, code="not_ct", reason="None of the instances is a CT.")
    cases.upsert_series("1.2.4", "1.2", 1.0, 3, "SCANNER")
    yield cases
    cases.close()


def test_a_requeue_is_left_for_the_worker(
    run: Run, config: Path, ended: Cases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctsma_node.cli.ask._PATIENCE_S", 0.1)
    folder = CommandFolder(config.parent / "state" / "commands")
    nobody = run("requeue", 1, "--config", config)
    assert (nobody.exit_code, "No worker has run here yet" in nobody.output) == (1, True)
    folder.prepare()
    shown = run("requeue", 1, "--config", config)
    assert (shown.exit_code, "when it starts" in shown.output) == (0, True)
    assert folder.waiting() == [Command(1, ended.events(1)[-1].id, Action.REQUEUE)]


@pytest.mark.parametrize(
    ("command", "case", "expected"),
    [
        ("cancel", 1, "case 1 is refused and cannot be cancelled"),
        ("cancel", 2, "case 2 is receiving and cannot be cancelled"),
        ("requeue", 2, "case 2 is receiving and cannot be tried again"),
        ("requeue", 3, "There is no case 3"),
        ("requeue", 10**20, "There is no case 100000000000000000000"),
        ("resend", 1, "case 1 is refused and cannot be sent again"),
        ("resend", 3, "There is no case 3"),
    ],
)
def test_what_cannot_be_asked_is_said(
    run: Run, config: Path, ended: Cases, command: str, case: int, expected: str
) -> None:
    shown = run(command, case, "--config", config)
    assert (shown.exit_code, expected in shown.output) == (1, True)


def test_no_librarys_warning_is_shown() -> None:
    """Pydicom's quote the values of headers."""
    said = "import warnings; from ctsma_node.cli import app; app(['codes'], standalone_mode=False); "
    command = [sys.executable, "-c", said + "warnings.warn('Invalid value for VR DA: Zanary')"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "not_ct" in done.stdout
    assert done.stderr == ""


def test_a_page_for_everybody_needs_a_token(run: Run, config: Path) -> None:
    config.write_text('[web]\nbind = "0.0.0.0"\n')
    shown = run("web", "--config", config)
    assert (shown.exit_code, "read_token_file" in shown.output) == (2, True)


def test_check_config_says_what_is_missing(run: Run, config: Path) -> None:
    config.write_text('[node]\nstate_dir = "state"\n[analysis]\nbundle = "nowhere"\n')
    shown = run("check-config", "--config", config)
    assert shown.exit_code == 2
    assert "nobody may send; add a [[sources]]" in shown.output
    assert "no bundle" in shown.output


def test_check_config_lets_a_node_be_without_peers(run: Run, config: Path) -> None:
    """As it runs: an upgrade asks by the exit code whether the new release takes the settings."""
    shown = run("check-config", "--config", config)
    assert shown.exit_code == 0
    assert shown.output.count("warning") == 2
    assert "results stay here; add a [[destinations]]" in shown.output


def test_check_config_looks_at_the_files_that_are_named(run: Run, config: Path) -> None:
    (config.parent / "open").write_text("secret")
    (config.parent / "open").chmod(0o644)
    config.write_text(
        '[node]\nstate_dir = "state"\n[audit]\nsyslog_host = "192.0.2.1"\nsyslog_ca = "node.toml"\n'
        '[[destinations]]\nkind = "dicomweb"\nname = "web"\nurl = "https://192.0.2.1/dicom-web"\n'
        'token_file = "open"\nca_file = "nowhere.pem"\n'
    )
    shown = run("check-config", "--config", config)
    assert shown.exit_code == 2
    said = " ".join(shown.output.split())
    for sentence in ("holds no certificates in PEM", "nowhere.pem cannot be read", "can be read by others"):
        assert sentence in said


def test_check_config_warns_of_objects_without_what_they_refer_to(run: Run, config: Path) -> None:
    pacs = '[[destinations]]\nname = "pacs"\nae_title = "PACS"\nhost = "192.0.2.1"\nport = 104\n'
    config.write_text(config.read_text() + pacs + 'objects = ["report", "picture"]\n')
    shown = run("check-config", "--config", config)
    assert shown.exit_code == 0
    assert "refers to what does not: segmentation, volume" in shown.output
    config.write_text(
        config.read_text().replace('["report", "picture"]', '["report", "segmentation", "volume"]')
    )
    assert "refers to" not in run("check-config", "--config", config).output


@pytest.mark.parametrize(
    ("bind", "port", "exit_code"),
    [("127.0.0.1", 8112, 2), ("0.0.0.0", 8112, 2), ("192.0.2.1", 8112, 0), ("127.0.0.1", 0, 0)],
)
def test_check_config_finds_a_port_that_is_named_twice(
    run: Run, config: Path, bind: str, port: int, exit_code: int
) -> None:
    config.write_text(
        f'[node]\nstate_dir = "state"\nbind = "{bind}"\nport = {port}\n[web]\nport = {port or 8112}\n'
    )
    shown = run("check-config", "--config", config)
    assert shown.exit_code == exit_code
    assert ("[node] port and [web] port are both 8112" in shown.output) is (exit_code == 2)


def test_truth_is_no_number(run: Run, config: Path) -> None:
    config.write_text("[node]\nport = true\n[retention]\ninstances_days = true\n")
    shown = run("check-config", "--config", config)
    assert shown.exit_code == 2
    assert "[node] port: true and false are no value of it" in shown.output
    assert "[retention] instances_days: true" in shown.output


def test_names_are_no_markup(run: Run, config: Path, tmp_path: Path) -> None:
    shown = run("destination", "pause", "[/b]", "--config", config)
    assert shown.exit_code == 2
    assert "there is no destination '[/b]'" in shown.output
    state = load(config)
    state.spool_dir.mkdir(parents=True)
    for ledger in (Cases(state.ledger_path), Inbox(state.inbox_path)):
        ledger.close()
    shown = run("backup", tmp_path / "to[b]morrow[/b]", "--config", config)
    assert shown.exit_code == 0, shown.output
    assert "to[b]morrow[/b]" in shown.output


def test_a_port_that_is_taken_is_named(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config.write_text(f'[node]\nstate_dir = "state"\nport = {port}\n')
        command = [sys.executable, "-Walways", "-m", "ctsma_node.cli", "receive", "--config", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"Address already in use (127.0.0.1 port {port})" in done.stderr
    assert "ResourceWarning" not in done.stderr


@pytest.fixture
def peer() -> Iterator[dict[str, Any]]:
    """A storage SCP; `status` is what it answers."""
    found: dict[str, Any] = {"status": 0x0000, "stored": 0, "lock": threading.Lock()}

    def store(_: evt.Event) -> int:
        with found["lock"]:
            found["stored"] += 1
        return int(found["status"])

    ae = AE(ae_title="PACS")
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.2")
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    found["to"] = f"127.0.0.1:{server.socket.getsockname()[1]}"
    yield found
    ae.shutdown()


def test_send_stores_every_instance_and_leaves_other_files_out(
    run: Run, peer: dict[str, Any], tmp_path: Path
) -> None:
    write(single_frames(StackPlan(rows=2, columns=2, slices=5)), tmp_path)
    (tmp_path / "notes.txt").write_text("not an image")
    shown = run("send", tmp_path, "--to", peer["to"], "--aet", "PACS")
    assert (shown.exit_code, peer["stored"]) == (0, 5)
    assert "0x0000" in shown.output
    assert "1 files" in shown.output


def test_send_ends_with_1_when_something_was_not_stored(
    run: Run, peer: dict[str, Any], tmp_path: Path
) -> None:
    write(single_frames(StackPlan(rows=2, columns=2, slices=2)), tmp_path)
    peer["status"] = 0xA700
    shown = run("send", tmp_path, "--to", peer["to"], "--aet", "PACS")
    assert shown.exit_code == 1
    assert "out of resources" in shown.output


@pytest.mark.parametrize("to", ["nowhere", "host:0", "host:port", ":104"])
def test_send_wants_a_host_and_a_port(run: Run, tmp_path: Path, to: str) -> None:
    shown = run("send", tmp_path, "--to", to, "--aet", "PACS")
    assert shown.exit_code == 2
    assert "HOST:PORT" in shown.output


@pytest.mark.parametrize("option", ["--aet", "--calling"])
@pytest.mark.parametrize("title", ["TOOLONGAETITLE_TOOLONG", "", "KÖLN"])
def test_send_wants_ae_titles_that_can_be_sent(run: Run, tmp_path: Path, option: str, title: str) -> None:
    shown = run("send", tmp_path, "--to", "127.0.0.1:104", "--aet", "PACS", option, title)
    assert shown.exit_code == 2
    assert "1 to 16 printable ASCII characters" in shown.output


def test_send_does_not_leave_ca_unused(run: Run, tmp_path: Path) -> None:
    shown = run("send", tmp_path, "--to", "127.0.0.1:104", "--aet", "PACS", "--ca", tmp_path / "ca.pem")
    assert shown.exit_code == 2
    assert "goes with --tls" in shown.output


def test_send_names_the_file_that_cannot_be_read(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("ctsma_node.deliver.read_outgoing", denied)
    (tmp_path / "1.dcm").touch()
    shown = run("send", tmp_path, "--to", "127.0.0.1:104", "--aet", "PACS")
    assert shown.exit_code == 1
    assert "Permission denied" in shown.output
    assert "1.dcm" in shown.output


@pytest.mark.parametrize("command", [("send", "--to", "127.0.0.1:104", "--aet", "PACS"), ("analyse",)])
def test_a_folder_that_cannot_be_read_is_not_left_out(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def closed(path: Any) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", closed)
    shown = run(*command, tmp_path)
    assert shown.exit_code == 1
    assert "Permission denied" in shown.output


@pytest.mark.parametrize("command", [("send", "--to", "127.0.0.1:104", "--aet", "PACS"), ("analyse",)])
def test_the_name_of_a_folder_is_no_markup(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "knee [b]").mkdir()
    shown = run(*command, tmp_path / "knee [b]")
    assert "knee [b]." in shown.output


def test_nothing_to_send(run: Run, tmp_path: Path) -> None:
    assert run("send", tmp_path, "--to", "127.0.0.1:104", "--aet", "PACS").exit_code == 2


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A summary with the volume it refers to, and beside them a file of another kind."""
    folder = tmp_path_factory.mktemp("results")
    node = NodeIdentity("ctsma_node project", "ctsma-node", "0.1.0", "test-1")
    kinds = frozenset({"viewer_report"})
    for obj in build_set(few_subregions(), source_headers(40), node=node, objects=kinds):
        write_object(obj, folder / obj.file_name)
    (folder / "measurements.csv").write_text("side\n")
    return folder


def test_valid_files_are_told_so(run: Run, results: Path) -> None:
    shown = run("validate", results)
    assert shown.exit_code == 0
    assert shown.output.count("valid") == 21
    assert "1 files that are no DICOM Part 10 files were left out" in shown.output


def test_a_finding_names_file_attribute_and_clause_and_no_value(
    run: Run, results: Path, tmp_path: Path
) -> None:
    ds = dcmread(results / "L-922-viewer_report-001.dcm")
    ds.CompletionFlag, ds.PatientName = "PERHAPS", "Zebra^Quagga"
    ds.save_as(tmp_path / "report.dcm")
    shown = run("validate", tmp_path / "report.dcm")
    assert shown.exit_code == 1
    said = re.sub(r"\W+", " ", shown.output)
    assert "report dcm" in said
    assert "forbidden_value CompletionFlag It is one of COMPLETE PARTIAL PS3 3" in said
    assert not {"PERHAPS", "Zebra"} & set(said.split())
    described = json.loads(
        run("validate", "--json", tmp_path / "report.dcm", *results.glob("*-900-*")).output
    )
    assert described[0]["sop_class"] == "Comprehensive 3D SR"
    assert {each["code"] for each in described[0]["findings"]} == {"forbidden_value", "patient_or_study"}
    assert [each["valid"] for each in described[1:]].count(True) == 20


def test_files_are_checked_beside_the_series_they_were_made_from(
    run: Run, results: Path, tmp_path: Path
) -> None:
    for number, header in enumerate(source_headers(40)):
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
        header.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    assert run("validate", results, "--source", tmp_path).exit_code == 0
    (tmp_path / "7.dcm").unlink()
    shown = run("validate", results, "--source", tmp_path)
    assert shown.exit_code == 1
    assert "dangling_reference" in shown.output


def test_nothing_to_validate(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not an image")
    assert run("validate", tmp_path).exit_code == 2
    assert run("validate", tmp_path / "notes.txt").exit_code == 1
    assert run("validate", tmp_path / "nowhere").exit_code == 2


def test_nothing_to_analyse(run: Run, tmp_path: Path) -> None:
    shown = run("analyse", tmp_path, "--out", tmp_path / "results")
    assert shown.exit_code == 2
    assert "No DICOM instances" in shown.output


def test_measurements_have_a_row_for_each_subregion(tmp_path: Path) -> None:
    path = write_measurements(analysis(Side.LEFT, Side.RIGHT), tmp_path / "measurements.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 400
    first = analysis(Side.LEFT).knees[0].subregions[0]
    assert (rows[0]["side"], rows[0]["subregion"]) == ("L", "F001")
    assert float(rows[0]["Tb.Th [mm]"]) == pytest.approx(0.181, rel=1e-4)
    assert float(rows[0]["x_mm"]) == pytest.approx(first.centre[0], abs=0.01)
