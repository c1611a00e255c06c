"""Orthanc as viewers see it: what is stored by C-STORE is read over DICOMweb."""

from __future__ import annotations

import io
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset

from ctsma_node.demo.pacs import Orthanc

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
"""Where Debian's orthanc-dicomweb puts it."""


class DicomWebArchive(Orthanc):
    """Orthanc with the plugin for DICOMweb."""

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._http_port}"

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {
            "Plugins": [str(PLUGIN)],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }

    def store(self, storescu: Path, folder: Path) -> None:
        """Send a folder by C-STORE; -R proposes the classes that are in it alone."""
        peer = ["-aec", self.ae_title, "127.0.0.1", str(self.port)]
        command: list[str | Path] = [storescu, "-R", "+sd", *peer, folder]
        subprocess.run(command, check=True, capture_output=True, timeout=120)

    def retrieve(self, study_uid: str) -> Iterator[Dataset]:
        """Every instance of a study over WADO-RS (PS3.18 10.4), in the transfer syntax it was stored in."""
        wanted = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        request = urllib.request.Request(
            f"{self.url}/dicom-web/studies/{study_uid}", headers={"Accept": wanted}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine needs no proxy
        with opener.open(request, timeout=120) as answer:
            boundary = re.search(r'boundary="?([^";]+)', answer.headers["Content-Type"])
            assert boundary is not None
            parts = answer.read().split(b"--" + boundary[1].encode())[1:-1]
        for part in parts:
            _, _, content = part.partition(b"\r\n\r\n")
            yield dcmread(io.BytesIO(content.removesuffix(b"\r\n")))
