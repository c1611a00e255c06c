"""The real processes: settings read again at SIGHUP, a drain at SIGTERM, and what systemd hears meanwhile."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from pynetdicom import AE

from tests.acceptance.site import Pacs, Sender, Site, send, until
from tests.fixtures.ct_series import StackPlan, single_frames

PLAN = StackPlan(rows=8, columns=8)


@pytest.fixture
def pacs() -> Iterator[Pacs]:
    made = Pacs()
    yield made
    made.close()


@pytest.fixture
def site(tmp_path: Path, pacs: Pacs) -> Iterator[Site]:
    made = Site(tmp_path, pacs.port, more_settings="\n[gate]\nmin_slices = 30\n")
    yield made
    made.close()


def reload(site: Site, name: str, old: str, new: str, action: str = "settings.reloaded") -> dict[str, object]:
    text, since = site.config.read_text(), site.log.stat().st_size
    assert old in text
    site.config.write_text(text.replace(old, new))
    site.process(name).send_signal(signal.SIGHUP)
    site.wait_for_log(action, since)
    return site.events(action, since)[0]


def test_the_worker_takes_a_rule_over_and_loads_no_bundle_again(site: Site) -> None:
    site.start_receiver()
    site.start_worker()
    event = reload(site, "work", "min_slices = 30", "min_slices = 200")
    assert event["sections"] == "[gate] min_slices"
    assert len(site.events("worker.ready")) == 1
    send(site.port, single_frames(PLAN))
    assert site.wait_for_state("refused")["code"]


def test_the_worker_names_what_has_to_wait_and_keeps_what_it_has(site: Site) -> None:
    site.start_worker()
    event = reload(site, "work", 'state_dir = "state"', 'state_dir = "other"', "settings.need_restart")
    assert event["sections"] == "[node] state_dir"
    assert not (site.folder / "other").exists()
    assert site.stop("work") == 0


def test_a_file_that_cannot_be_used_changes_nothing(site: Site, pacs: Pacs) -> None:
    site.start_receiver()
    site.start_worker()
    event = reload(site, "work", "min_slices = 30", "min_slizes = 30", "settings.invalid")
    assert "min_slices" in str(event["reason"])
    site.config.write_text(site.config.read_text().replace("min_slizes", "min_slices"))
    send(site.port, single_frames(PLAN))
    site.wait_for_state("delivered")
    assert pacs.stored


def test_the_receiver_lets_a_new_source_in(site: Site) -> None:
    site.start_receiver()

    def is_let_in() -> bool:
        ae = AE(ae_title="SECOND")
        ae.add_requested_context("1.2.840.10008.1.1")
        assoc = ae.associate("127.0.0.1", site.port, ae_title="CTSMA")
        if assoc.is_established:
            assoc.release()
            return True
        return False

    assert not is_let_in()
    source = '[[sources]]\nae_title = "SCANNER"'
    more = '[[sources]]\nae_title = "SECOND"\naddresses = ["127.0.0.1"]\n\n'
    assert reload(site, "receive", source, more + source)["sections"] == "[[sources]] SECOND"
    assert is_let_in()
    assert site.stop("receive") == 0


def test_the_receiver_names_all_that_it_took_over(site: Site) -> None:
    """Also the audit trail, and the destinations: one that commits may come in to report."""
    site.start_receiver()
    more = "[audit]\npatient_ids = true\n\n[completion]"
    assert reload(site, "receive", "[completion]", more)["sections"] == "[audit] patient_ids"
    commits = reload(site, "receive", 'proof = "status"', 'proof = "commitment"')
    assert commits["sections"] == "[[destinations]] pacs"


def test_an_audit_repository_that_cannot_be_trusted_is_told_and_stops_nothing(site: Site, pacs: Pacs) -> None:
    site.start_receiver()
    since = site.log.stat().st_size
    where = f'syslog_host = "127.0.0.1"\nsyslog_port = {pacs.port}\nsyslog_ca = "gone.pem"\n'
    reload(site, "receive", "[completion]", f"[audit]\n{where}\n[completion]")
    site.wait_for_log("audit.unreachable", since)
    assert "gone.pem" in str(site.events("audit.unreachable", since)[0]["reason"])
    send(site.port, single_frames(PLAN))
    assert site.stop("receive") == 0


def test_the_page_reads_its_settings_again_and_goes_on(site: Site) -> None:
    def knows(name: str) -> bool:
        connection = HTTPConnection("127.0.0.1", site.web_port, timeout=30)
        try:
            connection.request("GET", "/destinations")
            answer = connection.getresponse()
            return answer.status == 200 and name in answer.read().decode()
        finally:
            connection.close()

    site.start_web()
    assert not knows("archive")
    more = (
        '[[destinations]]\nname = "archive"\nae_title = "A"\nhost = "127.0.0.1"\nport = 104\n\n[completion]'
    )
    assert reload(site, "web", "[completion]", more)["sections"] == "[[destinations]] archive"
    until(lambda: knows("archive"), "the new destination on the page")
    web = f"port = {site.web_port}\n"
    waits = reload(site, "web", web, f'{web}hosts = ["node.example"]\n', "settings.need_restart")
    assert waits["sections"] == "[web] hosts"
    reload(site, "web", "min_slices", "min_slizes", "settings.invalid")
    until(lambda: knows("archive"), "the page behind a file with a fault")
    assert site.stop("web") == 0


def test_the_receiver_drains_and_systemd_hears_of_it(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        site.start_receiver()
        assert listener.recv(100) == b"READY=1"
        slices = single_frames(PLAN)
        sender = Sender(site.port, slices)
        sender.start()
        until(lambda: len(sender.acknowledged) >= 5, "sending")
        assert site.stop("receive") == 0
        assert listener.recv(100) == b"STOPPING=1"
        sender.join(30)
    assert len(sender.acknowledged) == len(slices)


def test_the_watchdog_is_fed_and_no_more_once_the_process_hangs(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped (SIGSTOP) stands for hung."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        site.start_receiver()
        assert [listener.recv(100) for _ in range(2)] == [b"READY=1", b"WATCHDOG=1"]
        os.kill(site.process("receive").pid, signal.SIGSTOP)
        listener.settimeout(12)
        with pytest.raises(TimeoutError):
            listener.recv(100)
        os.kill(site.process("receive").pid, signal.SIGCONT)
