"""A receiving PACS for the demonstration: Orthanc where it is installed, else a small storage SCP."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Protocol

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import Verification

from ctsma_node.demo.ports import free_port
from ctsma_node.errors import NodeError

_START_S = 60.0
_STARTS = 3
"""Another program may take a free port before Orthanc does."""


class DemoError(NodeError):
    """A part of the demonstration did not do its part."""


class Pacs(Protocol):
    """What the demonstration needs of a PACS."""

    name: str
    ae_title: str
    port: int

    def start(self) -> None:
        """Listen."""

    def fetch(self, study_uid: str, folder: Path) -> list[Path]:
        """Write every instance of a study that the PACS holds into a folder."""

    def stop(self) -> None:
        """Stop listening."""


def pacs_in(folder: Path) -> Pacs:
    """Orthanc, where PATH or /usr/sbin has it, with its storage in `folder`; else the storage SCP."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    program = shutil.which("Orthanc", path=path)
    return Orthanc(Path(program), folder) if program else StorageSCP(folder)


class Orthanc:
    """Debian's Orthanc on free ports, for this machine alone, read back over its REST interface."""

    ae_title = "ORTHANC"

    def __init__(self, program: Path, folder: Path) -> None:
        self.name = "Orthanc"
        self.port, self._http_port = free_port(), free_port()
        self._program, self._folder = program, folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers, on other ports where its own were taken; raises DemoError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for _ in range(_STARTS):
            if self._starts():
                return
            self.port, self._http_port = free_port(), free_port()
        raise DemoError(f"Orthanc did not start; see {self._folder / 'orthanc.log'}.")

    def _starts(self) -> bool:
        config = self._folder / "orthanc.json"
        config.write_text(json.dumps(self._settings(), indent=1))
        with (self._folder / "orthanc.log").open("wb") as log:
            self._process = subprocess.Popen([self._program, config], stdout=log, stderr=log)
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                return False
            time.sleep(0.1)
        return True

    def fetch(self, study_uid: str, folder: Path) -> list[Path]:
        """Every instance of a study, by its SOP Instance UID."""
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": study_uid}, "Expand": True}
        paths = []
        for found in json.loads(self._request("/tools/find", json.dumps(query).encode())):
            path = folder / f"{found['MainDicomTags']['SOPInstanceUID']}.dcm"
            path.write_bytes(self._request(f"/instances/{found['ID']}/file"))
            paths.append(path)
        return paths

    def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(_START_S)

    def _settings(self) -> dict[str, Any]:
        return {
            "Name": "ctsma-node demonstration",
            "StorageDirectory": str(self._folder / "storage"),
            "IndexDirectory": str(self._folder / "storage"),
            "DicomAet": self.ae_title,
            "DicomPort": self.port,
            "DicomServerEnabled": True,
            "HttpPort": self._http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "UnknownSopClassAccepted": True,
            "Plugins": [],
        }

    def _answers(self) -> bool:
        try:
            self._request("/system")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def _request(self, path: str, body: bytes | None = None) -> bytes:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine needs no proxy
        with opener.open(f"http://127.0.0.1:{self._http_port}{path}", data=body, timeout=30) as answer:
            return bytes(answer.read())


class StorageSCP:
    """Keeps every instance it is sent as a Part 10 file."""

    ae_title = "DEMOPACS"

    def __init__(self, folder: Path) -> None:
        self.name = "the embedded storage SCP (Orthanc is not installed)"
        self._folder = folder
        self.port = free_port()
        self._ae = AE(ae_title=self.ae_title)

    def start(self) -> None:
        """Listen on the loopback interface."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for context in AllStoragePresentationContexts:
            self._ae.add_supported_context(str(context.abstract_syntax))
        self._ae.add_supported_context(Verification)
        handlers: list[evt.EventHandlerType] = [(evt.EVT_C_STORE, self._store)]
        self._ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def fetch(self, study_uid: str, folder: Path) -> list[Path]:
        """Every instance of a study, by its SOP Instance UID."""
        return [
            Path(shutil.copy2(path, folder / path.name))
            for path in sorted((self._folder / study_uid).glob("*.dcm"))
        ]

    def stop(self) -> None:
        """Stop listening."""
        self._ae.shutdown()

    def _store(self, event: Event) -> int:
        ds = event.dataset
        ds.file_meta = event.file_meta
        study = self._folder / str(ds.StudyInstanceUID)
        study.mkdir(exist_ok=True)
        ds.save_as(study / f"{ds.SOPInstanceUID}.dcm", enforce_file_format=True)
        return 0x0000
