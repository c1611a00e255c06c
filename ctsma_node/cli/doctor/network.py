"""Each destination: C-ECHO, what it accepts, whether it proves deliveries, a test instance."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydicom import uid
from pynetdicom.sop_class import StorageCommitmentPushModel, StudyRootQueryRetrieveInformationModelFind

from ctsma_node.cli.doctor.finding import Finding, ok, skipped, wrong
from ctsma_node.config import DestinationSettings, DicomWebSettings
from ctsma_node.deliver import DeliveryError, Peer, WebArchive, echo
from ctsma_node.deliver.association import (
    NATIVE,
    AssociationError,
    ContextsError,
    accepted,
    leave,
    open_association,
    proposed_contexts,
)

_LABEL_MAP = uid.UID("1.2.840.10008.5.1.4.1.1.66.7")  # pydicom has no name for it yet

SENT: dict[str, tuple[uid.UID, ...]] = {
    "volume": (uid.CTImageStorage,),
    "segmentation": (uid.SegmentationStorage,),
    "parametric_map": (uid.ParametricMapStorage,),
    "report": (uid.Comprehensive3DSRStorage,),
    "viewer_report": (uid.Comprehensive3DSRStorage,),
    "picture": (uid.SecondaryCaptureImageStorage,),
    "labelmap": (_LABEL_MAP,),
    "text_report": (uid.BasicTextSRStorage,),
    "key_objects": (uid.KeyObjectSelectionDocumentStorage,),
    "not_analysed": (uid.BasicTextSRStorage,),
}
"""SOP class of each kind of object (PS3.4 table B.5-1)."""

_PROOFS = {
    "find": str(StudyRootQueryRetrieveInformationModelFind),
    "commitment": str(StorageCommitmentPushModel),
}
"""What a destination must offer for each proof that is more than a status."""


def examine_destination(
    destination: DestinationSettings, peer: Peer, try_storing: Callable[[], Iterator[Finding]] | None
) -> Iterator[Finding]:
    """C-ECHO and presentation contexts, then what `try_storing` finds, where that is asked for."""
    area, where = destination.name, f"{peer.ae_title} at {peer.host}:{peer.port}"
    answers, text = echo(peer)
    if not answers:
        remedy = (
            f"On the PACS, add AE title {peer.calling_ae_title} with this machine's address; check its AE "
            "title, host and port here, and the firewall."
        )
        yield wrong(area, "C-ECHO", f"{where}: {text}", remedy)
        return
    yield ok(area, "C-ECHO", f"{where} answers")
    yield from _contexts(destination, peer)
    if try_storing is None:
        yield skipped(area, "C-STORE", "not asked for (--store)")
    else:
        yield from try_storing()


def examine_web(destination: DicomWebSettings, archive: WebArchive) -> Iterator[Finding]:
    """A search at a DICOMweb server (QIDO-RS)."""
    answers, text = archive.check()
    if answers:
        yield ok(destination.name, "QIDO-RS", f"{destination.url} answers")
    else:
        remedy = "Check url, ca_file and the file of credentials here, and the server's log."
        yield wrong(destination.name, "QIDO-RS", f"{destination.url}: {text}", remedy)


def examine_proof(destination: DestinationSettings, peer: Peer) -> Iterator[Finding]:
    """Whether the peer offers the service that proves deliveries there."""
    service = _PROOFS.get(destination.proof)
    if service is None:
        return
    what = f"proof: {uid.UID(service).name}"
    try:
        leave(open_association(peer, proposed_contexts([(service, NATIVE[0])])))
    except DeliveryError as error:
        remedy = "Have the PACS offer it to this node, or set another `proof`: nothing counts as delivered."
        yield wrong(destination.name, what, f"{peer.ae_title} at {peer.host}:{peer.port}: {error}", remedy)
    else:
        yield ok(destination.name, what, f"{peer.ae_title} offers it")


def _contexts(destination: DestinationSettings, peer: Peer) -> Iterator[Finding]:
    """A line for each SOP class that goes there: which transfer syntaxes the peer takes."""
    kinds: dict[uid.UID, list[str]] = {}
    for kind in destination.objects:
        for sop_class in SENT.get(kind, ()):
            kinds.setdefault(sop_class, []).append(kind)
    try:
        assoc = open_association(
            peer, proposed_contexts((each, syntax) for each in kinds for syntax in NATIVE)
        )
        agreed = accepted(assoc)
        leave(assoc)
    except ContextsError:
        agreed = frozenset()
    except AssociationError as error:
        yield wrong(destination.name, "contexts", str(error), "Look at the log of the PACS.")
        return
    for sop_class, of in kinds.items():
        taken = [uid.UID(syntax).name for syntax in NATIVE if (str(sop_class), syntax) in agreed]
        what = f"{sop_class.name} ({', '.join(of)})"
        if taken:
            yield ok(destination.name, what, ", ".join(taken))
        else:
            remedy = (
                f"Let the PACS accept SOP class {sop_class}, or leave {' and '.join(of)} out of this "
                "destination's objects."
            )
            yield wrong(destination.name, what, "not accepted", remedy)
