"""HTTP as a DICOMweb user agent needs it: every wait has an end, credentials from a file, no redirects."""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from ctsma_node.deliver.association import DeliveryError

_LONGEST_BODY = 16 << 20
"""A response that lists a set takes tens of kilobytes."""


@dataclass(frozen=True)
class WebPeer:
    """A DICOMweb origin server, and how long to wait for it."""

    url: str  # root of its services, without a slash at the end
    token_file: Path | None = None  # bearer token (RFC 6750)
    basic_file: Path | None = None  # "user:password" (RFC 7617)
    ca_file: Path | None = None  # PEM; None: the system's certificate authorities
    connect_s: float = 10.0
    network_s: float = 120.0  # silence; a part of the body that the server does not read, too
    total_s: float = 120.0  # for the body of a response


@dataclass(frozen=True)
class Response:
    """What came back."""

    status: int
    body: bytes


class HttpError(DeliveryError):
    """No HTTP response; the message says why. Trying later may help."""


class Session:
    """Connections to one server, kept open between requests."""

    def __init__(self, peer: WebPeer) -> None:
        self._peer = peer
        self._pool: urllib3.PoolManager | None = None

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Iterable[bytes] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request and read its response; raises HttpError, whose text quotes nothing of the server."""
        try:
            response = self._connections().request(
                method,
                self._peer.url + path,
                headers={**headers, **self._credentials()},
                body=body,
                fields=query,
                preload_content=False,
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise HttpError(_why(error)) from None
        try:
            return Response(response.status, self._read(response))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise HttpError(_why(error)) from None
        finally:
            response.release_conn()

    def _connections(self) -> urllib3.PoolManager:
        if self._pool is None:
            peer = self._peer
            context = _trusting(peer.ca_file)
            context.minimum_version = ssl.TLSVersion.TLSv1_2  # BCP 195
            timeout = urllib3.Timeout(connect=peer.connect_s, read=peer.network_s)
            self._pool = urllib3.PoolManager(ssl_context=context, timeout=timeout, retries=False, maxsize=1)
            self._pool.pool_classes_by_scheme = {
                "http": _pool(urllib3.HTTPConnectionPool, _Connection, peer.network_s),
                "https": _pool(urllib3.HTTPSConnectionPool, _TlsConnection, peer.network_s),
            }
        return self._pool

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        deadline, body = time.monotonic() + self._peer.total_s, bytearray()
        for chunk in response.stream(1 << 16):
            body += chunk
            if len(body) > _LONGEST_BODY or time.monotonic() > deadline:
                response.close()
                raise HttpError("the response came to no end")
        return bytes(body)

    def _credentials(self) -> dict[str, str]:
        """Read for each request: tokens are renewed by somebody else."""
        if self._peer.token_file is not None:
            return {"Authorization": f"Bearer {_secret(self._peer.token_file).decode('ascii', 'replace')}"}
        if self._peer.basic_file is not None:
            encoded = base64.b64encode(_secret(self._peer.basic_file)).decode("ascii")
            return {"Authorization": f"Basic {encoded}"}
        return {}


class _Connection(HTTPConnection):
    """Sends a request under the time limit of a silence; urllib3 does so under that of connecting."""

    silence_s: float

    def connect(self) -> None:
        """Connect, the TLS handshake included."""
        super().connect()
        self._allow_silence()

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        """Begin a request; the connection may be open since an earlier one."""
        self._allow_silence()
        super().putrequest(*arguments, **options)

    def _allow_silence(self) -> None:
        if self.sock is not None:
            self.sock.settimeout(self.silence_s)


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


def _pool(
    kind: type[urllib3.HTTPConnectionPool], connection: type[_Connection], silence_s: float
) -> type[urllib3.HTTPConnectionPool]:
    limited = type(connection.__name__, (connection,), {"silence_s": silence_s})
    return type(kind.__name__, (kind,), {"ConnectionCls": limited})


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    """The context of a client that trusts these authorities, or the system's; raises HttpError."""
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except ssl.SSLError:
        raise HttpError(f"{ca_file} holds no certificates in PEM") from None
    except OSError as error:
        raise HttpError(f"{ca_file} cannot be read ({error.strerror})") from None


def _secret(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise HttpError(f"{path} can be read by others than the service: chmod 600 it")
        return path.read_bytes().strip()
    except OSError as error:
        raise HttpError(f"{path} cannot be read ({error.strerror})") from None


def _why(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
    if isinstance(cause, urllib3.exceptions.SSLError | ssl.SSLError):
        inner = cause.args[0] if cause.args else cause
        reason = getattr(inner, "verify_message", None) or getattr(inner, "reason", None)
        named = inner if isinstance(inner, Exception) else cause
        return f"no TLS connection ({reason or type(named).__name__})"
    if isinstance(cause, urllib3.exceptions.ConnectTimeoutError | urllib3.exceptions.NewConnectionError):
        return "no connection (nobody listens, or no answer in time)"
    if isinstance(cause, urllib3.exceptions.ReadTimeoutError | TimeoutError):
        return "the connection was silent for too long"
    return f"the connection was lost ({type(cause).__name__})"
