"""What to type into the PACS so that it sends here and takes what comes back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from pydicom import uid

from ctsma_node.cli.doctor.network import SENT
from ctsma_node.config import Settings
from ctsma_node.receive.contexts import STORAGE_CLASSES


@dataclass(frozen=True, slots=True)
class Routing:
    """The node as a modality of the PACS."""

    ae_title: str
    host: str  # a name or address that the PACS reaches
    port: int | None  # not encrypted; None: closed
    tls_port: int | None  # DICOM over TLS; None: closed
    is_reported_to: bool  # some destination reports here what it has committed to
    calling_ae_titles: tuple[str, ...]  # what the PACS may call itself
    sent_here: tuple[str, ...]  # SOP classes to route to the node
    sent_back: tuple[str, ...]  # SOP classes to accept from it

    def lines(self) -> Iterator[str]:
        """As a person reads it."""
        yield f"AE title  {self.ae_title}"
        yield f"Host      {self.host}"
        ports = [f"{self.tls_port} over TLS"] if self.tls_port is not None else []
        ports += [f"{self.port}, not encrypted"] if self.port is not None else []
        yield f"Port      {'; or '.join(ports)}"
        if self.is_reported_to:
            yield "Reports   Storage Commitment (N-EVENT-REPORT): to this AE title, host and port"
        yield f"Call as   {', '.join(self.calling_ae_titles) or 'nobody may send: add a [[sources]]'}"
        for title, classes in (("Route to the node", self.sent_here), ("Accept from it", self.sent_back)):
            yield f"{title}:"
            yield from (f"  {each}  {uid.UID(each).name}" for each in classes)

    def fields(self) -> dict[str, object]:
        """For --json."""
        return asdict(self)


def routing(settings: Settings) -> Routing:
    """From the settings; a node that listens on every interface goes by its host name."""
    node = settings.node
    everywhere = node.bind in ("0.0.0.0", "::")
    kinds = dict.fromkeys(kind for each in settings.destinations for kind in each.objects)
    back = dict.fromkeys(str(sop_class) for kind in kinds for sop_class in SENT.get(kind, ()))
    return Routing(
        node.ae_title,
        socket.getfqdn() if everywhere else node.bind,
        None if settings.tls.enabled and settings.tls.required else node.port,
        settings.tls.port if settings.tls.enabled else None,
        any(each.proof == "commitment" for each in settings.destinations),
        tuple(dict.fromkeys(each.ae_title for each in settings.sources)),
        tuple(str(each) for each in STORAGE_CLASSES),
        tuple(back),
    )
