"""The node's own ports, plain and TLS: whether somebody listens there, and whether it is the node."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ctsma_node.cli.doctor.finding import Finding, ok, skipped, warning, wrong
from ctsma_node.config import Settings
from ctsma_node.deliver import Peer, echo
from ctsma_node.tls import ClientContext, fingerprint

_CONNECT_S = 5.0
_ANSWER_S = 10.0
_CLOSE_S = 2.0


def examine_node(settings: Settings) -> Iterator[Finding]:
    """Who may send, and the ports that the settings open."""
    if not settings.sources:
        yield wrong("node", "sources", "nobody may send", "Add a [[sources]] with AE title and addresses.")
    if settings.tls.enabled and settings.tls.required:
        yield skipped(
            "node", "port", f"{settings.node.port}, which is not encrypted, is closed ([tls] required)"
        )
    else:
        yield from _port(settings, settings.node.port, None)
    if settings.tls.enabled:
        yield from _tls_port(settings)


def _tls_port(settings: Settings) -> Iterator[Finding]:
    """As a peer that shows the node's own certificate, and wants to be shown it."""
    tls = settings.tls
    try:
        own = x509.load_pem_x509_certificate(Path(tls.certificate).read_bytes())
    except (OSError, ValueError):
        yield skipped("node", "TLS port", "not tried without a readable certificate")
        return
    shown = (fingerprint(own.public_bytes(Encoding.DER)),)
    context = ClientContext(
        tls.ca or tls.certificate, settings.node.bind, tls.certificate, tls.key, sha256=shown
    )
    yield from _port(settings, tls.port, context)


def _port(settings: Settings, port: int, tls: ClientContext | None) -> Iterator[Finding]:
    node, way = settings.node, "" if tls is None else " over TLS"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(node.bind, node.bind)  # every interface: by loopback
    try:
        socket.create_connection((host, port), _CONNECT_S).close()
    except OSError:
        yield _free_port(node.bind, port, way)
        return
    calling = settings.sources[0].ae_title if settings.sources else "DOCTOR"
    limits = (_CONNECT_S, _ANSWER_S, _ANSWER_S, _ANSWER_S)
    answers, text = echo(Peer(host, port, node.ae_title, calling, *limits, tls))
    what = f"C-ECHO{way}"
    if answers:
        yield ok("node", what, f"{node.ae_title} at {host}:{port} answers {calling}")
    elif "rejected" in text and "called" not in text.lower():
        said = "listens, and refuses this machine, which is no source" + (
            " or has another certificate than that source" if tls else ""
        )
        yield ok("node", what, f"{said}: as it should")
    elif "rejected" in text:
        yield wrong("node", what, text, "Another program has the port, or the receiver's AE title differs.")
    elif text.startswith("no TLS"):
        yield _no_tls(what, text, port)
    elif not _closes_at_once(host, port):
        said = f"something listens at {host}:{port} and does not speak DICOM"
        remedy = f"Find it (ss -ltnp 'sport = :{port}'): another program, or a receiver to be restarted."
        yield wrong("node", what, said, remedy)
    else:
        said = "somebody listens, and does not let this machine in (it may be no source)"
        yield warning("node", what, said, f"From a source: echoscu -aec {node.ae_title} HOST {port}")


def _closes_at_once(host: str, port: int) -> bool:
    """As the node does for an address of no source; other programs wait, or say something."""
    try:
        with socket.create_connection((host, port), _CONNECT_S) as connection:
            connection.settimeout(_CLOSE_S)
            return connection.recv(1) == b""
    except ConnectionError:
        return True
    except OSError:
        return False


def _no_tls(what: str, text: str, port: int) -> Finding:
    """A certificate that peers accept need not be one that the node itself would."""
    if "issuer" in text or "self-signed" in text or "unknown ca" in text:
        said = "listens; its certificate is by no CA of [tls] ca, so this machine cannot tell more"
        return warning("node", what, said, f"From a source: openssl s_client -connect HOST:{port}")
    return wrong("node", what, text, "Restart the receiver, or look for another program on the port.")


def _free_port(bind: str, port: int, way: str) -> Finding:
    what = f"port{way}"
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((bind, port))
    except PermissionError:
        remedy = "Run deploy/install.sh --low-port, which has systemd listen there, or use a port from 1024."
        return wrong("node", what, f"{port} may not be opened by this user", remedy)
    except OSError as error:
        remedy = "[node] bind must be an address of this machine, and port a free one."
        return wrong("node", what, f"{bind}:{port}: {error.strerror}", remedy)
    remedy = "systemctl start ctsma-node-receive"
    return warning("node", what, f"{bind}:{port} is free: the receiver does not run", remedy)
