"""Which services the node gives and uses: SOP classes, transfer syntaxes, statuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import StorageCommitmentPushModel

from ctsma_node.conformance.created import Created, name_of
from ctsma_node.conformance.markdown import table
from ctsma_node.deliver.association import NATIVE
from ctsma_node.deliver.c_find import MODEL
from ctsma_node.deliver.commitment import REASONS, Verdict
from ctsma_node.deliver.http_status import HTTP_STATUSES, HttpMeaning
from ctsma_node.deliver.status import STATUSES
from ctsma_node.query.count import Told
from ctsma_node.receive import contexts, peers
from ctsma_node.receive.refusal import ALL
from ctsma_node.receive.reports import report_contexts
from ctsma_node.receive.store import CONFLICT

_VERIFICATION = "1.2.840.10008.1.1"
_USED = {
    _VERIFICATION: "on request of an operator (`check-config --echo`, `doctor`)",
    MODEL: "where `query` of a `[[sources]]` is set: unique keys of one series, Number of Series Related "
    "Instances, else a list of its SOP Instance UIDs; where `proof` of a `[[destinations]]` is `find`: the "
    "instances of a series that was sent",
    str(StorageCommitmentPushModel): "where `proof` of a `[[destinations]]` is `commitment`: an N-ACTION for "
    "the instances of one analysis",
}
"""What the node uses besides Storage, and when."""
_REJECTIONS = tuple(each for each in vars(peers).values() if isinstance(each, peers.Rejection))
_WHEN = {
    peers.NO_REASON_GIVEN: "the request could not be judged: an error in the node, which its log tells of",
    peers.CALLING_AE_NOT_RECOGNIZED: "calling AE title not known, or not from there or with that certificate",
    peers.CALLED_AE_NOT_RECOGNIZED: "the called AE title is not that of the node",
    peers.TEMPORARY_CONGESTION: "too many associations at once, or too many new connections from one address",
    peers.LOCAL_LIMIT_EXCEEDED: "too many associations at once from one address",
}


def overview(created: Iterable[Created]) -> str:
    """Network services in one table: SOP class, SCU, SCP."""
    sent = {each.sop_class: ", ".join(each.kinds) for each in _by_class(created)}
    provided = [_sop_class(context) for context in contexts.supported_contexts()]  # as an SCP
    classes = dict.fromkeys([*provided, *sent, *_USED])
    used = {*sent, *_USED}
    rows = (
        (name_of(each), each, _yes(each in used), _yes(each in provided), sent.get(each, ""))
        for each in classes
    )
    return table(("SOP Class", "UID", "SCU", "SCP", "created as"), rows)


def provided_contexts() -> str:
    """The presentation contexts that the node accepts (PS3.8 9.3.3)."""
    rows = [
        (name_of(_sop_class(context)), _sop_class(context), _syntaxes(context), "SCP", "None")
        for context in contexts.supported_contexts()
    ]
    rows += [
        (name_of(_sop_class(each)), _sop_class(each), _syntaxes(each), "SCU", "SCP/SCU role selection")
        for each in report_contexts()
    ]
    return table(("Abstract Syntax", "UID", "Transfer Syntaxes", "Role", "Extended Negotiation"), rows)


def commitment_outcomes() -> str:
    """What the node makes of the failure reasons of a Storage Commitment report."""
    follows = {
        Verdict.MISSING: "the instance is sent again",
        Verdict.LATER: "the instance is asked for again",
        Verdict.NEVER: "the delivery ends as rejected",
    }
    rows = ((f"{code:04X}", text, follows[verdict]) for code, (verdict, text) in REASONS.items())
    return table(("Failure Reason (0008,1197)", "meaning", "what follows"), rows)


def web_outcomes() -> str:
    """What the node makes of the HTTP status of a Store transaction that names no instances."""
    rows = ((_plain(each), each.text, each.outcome.value) for each in HTTP_STATUSES)
    return table(("HTTP status", "meaning", "the delivery is"), rows)


def accepted_syntaxes() -> str:
    """Every transfer syntax of Storage as an SCP; the first of the list that the peer proposes is taken."""
    listed = [(each, "native") for each in contexts.NATIVE]
    listed += [(each, "encapsulated") for each in contexts.ENCAPSULATED]
    return table(("Transfer Syntax", "UID", "pixels"), ((name_of(e), e, form) for e, form in listed))


def proposed_contexts(created: Iterable[Created]) -> str:
    """The presentation contexts that the node proposes to a destination and to a source."""
    rows = [
        (name_of(each.sop_class), each.sop_class, _names(each.proposed), "SCU", "None")
        for each in _by_class(created)
    ]
    rows += [(name_of(each), each, _names(NATIVE), "SCU", "None") for each in _USED]
    return table(("Abstract Syntax", "UID", "Transfer Syntaxes", "Role", "Extended Negotiation"), rows)


def other_services() -> str:
    """Services used besides Storage, and when."""
    return table(("Service", "used"), ((name_of(each), when) for each, when in _USED.items()))


def store_answers() -> str:
    """Statuses of the node's C-STORE responses (PS3.4 table B.2-1)."""
    stored = "The instance is on the disk and in the index; sent again, it is stored once."
    second = "Other bytes under a SOP Instance UID that is taken: the first are kept, the others put aside."
    rows = [
        ("Success", "0000", "", stored),
        ("Success", "0000", f"`{CONFLICT}`", second),
        *(("Failure", f"{each.status:04X}", f"`{each.code}`", each.comment) for each in ALL),
    ]
    return table(("Status", "Code", "in log and quarantine", "meaning; Error Comment (0000,0902)"), rows)


def store_outcomes() -> str:
    """What the node makes of the statuses of C-STORE responses that it is given."""
    rows = ((_span(each.first, each.last), each.text, each.outcome.value, each.clause) for each in STATUSES)
    return table(("Code", "meaning", "the delivery is", "source"), rows)


def count_outcomes() -> str:
    """How a question for the number of instances may end."""
    meanings = {
        Told.COUNTED: "the source told Number of Series Related Instances",
        Told.LISTED: "the instances that it listed were counted",
        Told.UNKNOWN_SERIES: "it holds no such series",
        Told.NO_ANSWER: "no association, a failure status, silence, or nothing that can be read",
    }
    return table(("in the log", "meaning"), ((f"`{each}`", meanings[each]) for each in Told))


def rejections() -> str:
    """A-ASSOCIATE-RJ of the node (PS3.8 table 9-21)."""
    rows = ((f"{'/'.join(map(str, each))}", _WHEN[each]) for each in _REJECTIONS)
    return table(("result/source/reason", "when"), rows)


def _by_class(created: Iterable[Created]) -> Iterator[Created]:
    """One for each SOP class, with all kinds of it."""
    merged: dict[str, Created] = {}
    for each in created:
        there = merged.get(each.sop_class)
        merged[each.sop_class] = each if there is None else there.merged(each)
    yield from merged.values()


def _sop_class(context: PresentationContext) -> str:
    return str(context.abstract_syntax)


def _syntaxes(context: PresentationContext) -> str:
    return _names(str(each) for each in context.transfer_syntax)


def _names(uids: Iterable[str]) -> str:
    return ", ".join(f"{name_of(each)} ({each})" for each in uids)


def _span(first: int, last: int) -> str:
    return f"{first:04X}" if first == last else f"{first:04X} to {last:04X}"


def _plain(row: HttpMeaning) -> str:
    return str(row.first) if row.first == row.last else f"{row.first} to {row.last}"


def _yes(true: bool) -> str:
    return "Yes" if true else "No"
