"""The web server of a viewer: OHIF's files, and the archive's DICOMweb under the same address."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.viewers.fetch import FOLDER

_ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
"""Without these a browser gives no shared memory to a page, which cornerstone's volumes need."""


@contextmanager
def served(application: Path, archive: str) -> Iterator[str]:
    """Serve an application, its configuration and an archive; gives the address."""

    class Handler(_Handler):
        upstream = archive

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(application))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(SimpleHTTPRequestHandler):
    upstream: str

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/dicom-web/"):
            self._ask_archive()
        elif path == "/app-config.js":
            self._answer(200, "text/javascript", (FOLDER / "app-config.js").read_bytes())
        else:
            if not Path(self.translate_path(path)).is_file():
                self.path = "/index.html"  # the application's own routes
            super().do_GET()

    def end_headers(self) -> None:
        for name, value in _ISOLATION.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _ask_archive(self) -> None:
        headers = {"Accept": self.headers.get("Accept", "*/*"), "Host": self.headers["Host"]}
        request = urllib.request.Request(self.upstream + self.path, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine needs no proxy
        try:
            with opener.open(request, timeout=60) as answer:
                self._answer(answer.status, answer.headers["Content-Type"], answer.read())
        except urllib.error.HTTPError as error:
            self._answer(error.code, "text/plain", error.read())

    def _answer(self, status: int, kind: str | None, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind or "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
