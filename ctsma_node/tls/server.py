"""The acceptor's side of TLS, with files that may be renewed while the node runs."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from ctsma_node import log
from ctsma_node.config.settings import TlsSettings
from ctsma_node.errors import SettingsError
from ctsma_node.tls.credentials import Credentials
from ctsma_node.tls.profile import new_context

_LOOK_S = 1.0
_CHECK_S = 86400.0

Stamp = tuple[tuple[int, int, int], ...]


class ServerContext:
    """Gives the context of the next connection; a renewed certificate serves from then on."""

    def __init__(
        self,
        settings: TlsSettings,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Load the files; raises SettingsError where a connection could not be served with them."""
        self._settings = settings
        self._credentials = Credentials(Path(settings.certificate), Path(settings.key))
        self._clock = clock
        self._steady = steady  # says when to look: whoever sets the system's clock must not hold that up
        self._lock = Lock()
        self._checked_at = 0.0
        self._stamp = self._seen()
        self._looked_at = steady()
        self._context = self._load()

    def current(self) -> ssl.SSLContext:
        """The context for a connection that comes now.

        New files that cannot be used leave the old ones in service, which the log tells once.
        """
        with self._lock:
            now = self._steady()
            if now - self._looked_at >= _LOOK_S:
                self._looked_at = now
                self._renew(now)
            return self._context

    def _renew(self, now: float) -> None:
        seen = self._seen()
        if seen == self._stamp and now - self._checked_at < _CHECK_S:
            return
        changed, self._stamp = seen != self._stamp, seen
        try:
            self._context = self._load()
            if changed:
                log.logger.info("tls.renewed", path=str(self._credentials.certificate))
        except SettingsError as error:
            self._checked_at = now
            log.logger.error("tls.not_renewed", reason=str(error))

    def _load(self) -> ssl.SSLContext:
        self._checked_at, now = self._steady(), self._clock()
        self.days = self._credentials.check(now)  # that the certificate is still valid for
        given = self._settings
        context = new_context(
            ssl.PROTOCOL_TLS_SERVER, self._credentials, given.ca, ssl.SSLContext, given.crl, now
        )
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
        context.num_tickets = 0
        if given.client_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
        elif given.ca:
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def _seen(self) -> Stamp:
        """What tells one state of the files from another; a file that is gone is a state too."""
        given = self._settings
        paths = (given.certificate, given.key, given.ca, given.crl)
        return tuple(_stamp(Path(path)) for path in paths if path)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)
