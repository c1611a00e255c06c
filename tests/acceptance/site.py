"""A site for acceptance tests: a node's processes, a PACS that counts, a sender that notes answers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.events import Event

from ctsma_node.deliver.association import keep_responses_for_sender
from ctsma_node.ledger.inbox import InboxReader

ROOT = Path(__file__).parent.parent.parent
CLI = [sys.executable, "-m", "ctsma_node.cli"]

_SETTINGS = """\
[node]
port = {port}
state_dir = "state"

[[sources]]
ae_title = "SCANNER"
addresses = ["127.0.0.1"]

[[destinations]]
name = "pacs"
ae_title = "{pacs_ae}"
host = "127.0.0.1"
port = {pacs_port}
objects = {objects}
proof = "{proof}"

[completion]
short_quiet_s = 0.3
long_quiet_s = {long_quiet_s}

[delivery]
first_s = 0.3
max_s = 1.0

[limits]
min_free_bytes = 0

[web]
port = {web_port}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """Poll until `true` gives something, and give that; asking takes half of the time at most."""
    deadline = time.monotonic() + seconds
    asked = time.monotonic()
    while not (found := true()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(max(0.05, time.monotonic() - asked))
        asked = time.monotonic()
    return found


class Pacs:
    """A storage SCP that counts what it is sent; `before_answer` may hold it up."""

    ae_title = "PACS"

    def __init__(self, before_answer: Callable[[int], object] = lambda count: None) -> None:
        self.port = free_port()
        self.stored: Counter[str] = Counter()
        self.by_series: dict[str, set[str]] = {}
        self._before_answer = before_answer
        self._ae = AE(ae_title=self.ae_title)
        for context in AllStoragePresentationContexts:
            self._ae.add_supported_context(str(context.abstract_syntax))
        handlers: list[evt.EventHandlerType] = [(evt.EVT_C_STORE, self._store)]
        self._ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def close(self) -> None:
        self._ae.shutdown()

    def _store(self, event: Event) -> int:
        self._before_answer(self.stored.total())
        ds = event.dataset
        self.stored[str(ds.SOPInstanceUID)] += 1
        self.by_series.setdefault(str(ds.SeriesInstanceUID), set()).add(str(ds.SOPInstanceUID))
        return 0x0000


class Site:
    """A node in a folder; its processes are started, stopped and killed by name."""

    def __init__(
        self,
        folder: Path,
        pacs_port: int,
        pacs_ae: str = "PACS",
        objects: Sequence[str] = ("volume", "picture"),
        long_quiet_s: float = 30.0,
        more_settings: str = "",
        proof: str = "status",
    ) -> None:
        self.folder = folder
        self.port, self.web_port = free_port(), free_port()
        self.config = folder / "node.toml"
        self.log = folder / "node.log"
        filled = {"pacs_ae": pacs_ae, "pacs_port": pacs_port, "objects": json.dumps(list(objects))}
        filled["proof"] = proof
        ports = {"port": self.port, "web_port": self.web_port}
        settings = _SETTINGS.format(long_quiet_s=long_quiet_s, **ports, **filled)
        self.config.write_text(settings + more_settings)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start_receiver(self) -> None:
        since = self._log_size()
        self._start("receive", [*CLI, "receive", "--config", str(self.config)])
        self.wait_for_log("receive.listening", since)

    def start_worker(self, analysis_seconds: float = 0.0) -> None:
        """The worker with an analyser that only waits."""
        since = self._log_size()
        module = [sys.executable, "-m", "tests.acceptance.fake_worker"]
        self._start("work", [*module, str(self.config), str(analysis_seconds)])
        self.wait_for_log("worker.ready", since)

    def start_real_worker(self) -> None:
        """The worker with the bundle that ships."""
        since = self._log_size()
        self._start("work", [*CLI, "work", "--config", str(self.config)])
        self.wait_for_log("worker.ready", since, 180.0)

    def start_web(self) -> None:
        since = self._log_size()
        self._start("web", [*CLI, "web", "--config", str(self.config)])
        self.wait_for_log("web.serving", since)

    def start_node(self) -> None:
        """The whole real node, as one command."""
        since = self._log_size()
        self._start("serve", [*CLI, "serve", "--config", str(self.config)])
        self.wait_for_log("receive.listening", since)
        self.wait_for_log("worker.ready", since, 180.0)

    def start_poisoned(self, slices: int) -> None:
        """Receiver and worker under their supervisor; a series of so many slices crashes the analysis."""
        since = self._log_size()
        module = [sys.executable, "-m", "tests.acceptance.poisoned_node"]
        self._start("serve", [*module, str(self.config), str(slices)])
        self.wait_for_log("receive.listening", since)

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def stop(self, name: str) -> int:
        """SIGTERM, and the exit code."""
        process = self._running.pop(name)
        process.terminate()
        return process.wait(60)

    def close(self) -> None:
        for name in list(self._running):
            self.kill(name)

    def process(self, name: str) -> subprocess.Popen[bytes]:
        return self._running[name]

    def cases(self) -> list[dict[str, Any]]:
        """As `ctsma-node status --json` shows them."""
        return list(self.status()["cases"])

    def status(self) -> dict[str, Any]:
        """All that `ctsma-node status --json` shows."""
        return dict(json.loads(self.run("status", "--json")))

    def run(self, *words: str) -> str:
        """What a command of the node prints."""
        command = [*CLI, *words, "--config", str(self.config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def wait_for_state(self, state: str, revision: int = 1, seconds: float = 90.0) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            self._all_run()
            found = [each for each in self.cases() if each["revision"] == revision]
            assert not found or found[0]["state"] not in {"failed", "refused"} - {state}, found
            return found[0] if found and found[0]["state"] == state else None

        return dict(until(reached, f"revision {revision} {state}", seconds))

    def events(self, action: str, since: int = 0) -> list[dict[str, Any]]:
        return [line for line in self._lines(since) if line.get("action") == action]

    def wait_for_log(self, action: str, since: int = 0, seconds: float = 60.0) -> None:
        def logged() -> bool:
            self._all_run()
            return bool(self.events(action, since))

        until(logged, action, seconds)

    def _all_run(self) -> None:
        """What was started and not stopped still runs: else there is nothing to wait for."""
        codes = {name: process.poll() for name, process in self._running.items()}
        ended = {name: code for name, code in codes.items() if code is not None}
        assert not ended, f"{ended} ended by itself:\n{self.log.read_text()[-2000:]}"

    def _start(self, name: str, command: list[str]) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env=environment
            )

    def _log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def _lines(self, since: int) -> Iterator[dict[str, Any]]:
        with self.log.open("rb") as log:
            log.seek(since)
            for line in log.read().decode(errors="replace").splitlines():
                if line.startswith("{"):
                    yield json.loads(line)


class Sender(threading.Thread):
    """Sends datasets over one association and notes which were answered with success."""

    def __init__(self, port: int, datasets: Sequence[Dataset]) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[str] = []
        self._port, self._datasets = port, datasets

    def run(self) -> None:
        ae = AE(ae_title="SCANNER")
        ae.dimse_timeout = 10
        for ds in self._datasets:
            if str(ds.SOPClassUID) not in {str(cx.abstract_syntax) for cx in ae.requested_contexts}:
                ae.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
        assoc = ae.associate("127.0.0.1", self._port, ae_title="CTSMA")
        keep_responses_for_sender(assoc)
        for ds in self._datasets:
            if not assoc.is_established:
                return
            answer = assoc.send_c_store(ds)
            if "Status" not in answer:
                return
            if answer.Status == 0x0000:
                self.acknowledged.append(str(ds.SOPInstanceUID))
        assoc.release()


def send(port: int, datasets: Sequence[Dataset]) -> list[str]:
    """Send them all; returns what was acknowledged."""
    sender = Sender(port, datasets)
    sender.start()
    sender.join(60)
    return sender.acknowledged


def held_by(site: Site, datasets: Sequence[Dataset]) -> set[str]:
    """Instances of the series that have a row and a file."""
    inbox = InboxReader(site.folder / "state" / "inbox.sqlite3")
    rows = inbox.instances(str(datasets[0].SeriesInstanceUID))
    inbox.close()
    spool = site.folder / "state" / "spool"
    return {row.sop_instance_uid for row in rows if (spool / row.path).stat().st_size >= row.size}
