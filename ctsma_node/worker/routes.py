"""From a destination's settings to what its courier needs: whom to reach, how it is proven, when to retry."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ctsma_node.config import AnyDestination, DestinationSettings, DicomWebSettings, Settings
from ctsma_node.deliver import Archive, DicomArchive, Peer, RetrySchedule, WebArchive, WebPeer
from ctsma_node.ledger.cases import Cases
from ctsma_node.records import CommitmentReport
from ctsma_node.worker.encryption import client_tls
from ctsma_node.worker.proofs import ByCommitment, ByFind, ByStatus, Proof
from ctsma_node.worker.verdicts import Verdicts


def peer_of(settings: Settings, destination: DestinationSettings) -> Peer:
    """The destination as the Storage SCU knows it."""
    limits = settings.delivery
    return Peer(
        host=destination.host,
        port=destination.port,
        ae_title=destination.ae_title,
        calling_ae_title=destination.calling_ae_title or settings.node.ae_title,
        connect_s=limits.connect_s,
        acse_s=limits.acse_s,
        dimse_s=limits.dimse_s,
        network_s=limits.network_s,
        tls=client_tls(settings, destination),
    )


def proof_peer_of(settings: Settings, destination: DestinationSettings) -> Peer:
    """Who is asked whether the instances are there: the destination itself, unless it names another."""
    return peer_of(
        settings,
        destination.model_copy(
            update={
                "ae_title": destination.proof_ae_title or destination.ae_title,
                "host": destination.proof_host or destination.host,
                "port": destination.proof_port or destination.port,
            }
        ),
    )


def web_archive_of(settings: Settings, destination: DicomWebSettings) -> WebArchive:
    """An origin server as its courier knows it."""
    limits = settings.delivery
    return WebArchive(
        WebPeer(
            url=destination.url,
            token_file=_path(destination.token_file),
            basic_file=_path(destination.basic_file),
            ca_file=_path(destination.ca_file),
            connect_s=limits.connect_s,
            network_s=limits.network_s,
            total_s=limits.dimse_s,
        )
    )


def archive_of(settings: Settings, destination: AnyDestination) -> Archive:
    """The destination as its courier knows it."""
    if destination.kind == "dicomweb":
        return web_archive_of(settings, destination)
    return DicomArchive(peer_of(settings, destination), proof_peer_of(settings, destination))


def proof_of(
    settings: Settings,
    destination: AnyDestination,
    archive: Archive,
    cases: Cases,
    verdicts: Verdicts,
    take: Callable[[CommitmentReport], None],
    halted: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.time,
) -> Proof:
    """What `delivered` means at this destination; `take` has the reports that it brings to its courier."""
    if destination.proof == "status":
        return ByStatus(verdicts)
    if destination.kind == "dicomweb" or destination.proof == "find":
        return ByFind(archive, verdicts)
    peer = proof_peer_of(settings, destination)
    return ByCommitment(peer, settings.delivery, cases, verdicts, take, halted, clock)


def schedule_of(settings: Settings) -> RetrySchedule:
    """When a failed delivery is tried again."""
    delivery = settings.delivery
    return RetrySchedule(delivery.first_s, delivery.factor, delivery.max_s, delivery.horizon_h * 3600.0)


def _path(text: str) -> Path | None:
    return Path(text) if text else None
