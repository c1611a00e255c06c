"""The certificate that the page is served with."""

from __future__ import annotations

import ssl
from pathlib import Path

from ctsma_node.config.settings import WebSettings
from ctsma_node.tls import Credentials


def check_certificate(web: WebSettings) -> None:
    """Raise SettingsError, with the files' names, where the certificate and key of `[web]` cannot serve."""
    if web.tls_key:
        files = Credentials(Path(web.tls_certificate), Path(web.tls_key))
        files.use_in(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
