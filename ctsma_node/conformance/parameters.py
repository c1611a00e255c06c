"""What can be configured: every setting with its type and default, and the limits of associations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ctsma_node.config import Settings
from ctsma_node.config.peers import DESTINATION_KINDS
from ctsma_node.conformance.markdown import table
from ctsma_node.tls.profile import SUITES

_LISTS = frozenset({"sources", "destinations"})


def parameters() -> str:
    """Every key of node.toml."""
    return table(("section", "key", "default"), _rows())


def limits(settings: Settings) -> str:
    """As acceptor: the limits of one node."""
    found = settings.limits
    rows = [
        (
            "associations at once, all peers together",
            f"{found.max_associations}; beyond, one for each address that has none",
        ),
        ("associations at once, from one address", found.max_per_address),
        ("new connections from one address, on average", f"{found.max_new_per_s:g} in a second"),
        ("outstanding asynchronous operations", "1 (no asynchronous window is negotiated)"),
        ("maximum length of a PDU that is received", f"{found.max_pdu} bytes"),
        ("maximum length of an instance", f"{found.max_instance_bytes} bytes"),
        ("waiting for an association request or release (ARTIM, ACSE)", f"{found.acse_s:g} s"),
        ("waiting for a message", f"{found.dimse_s:g} s"),
        ("silence on an association", f"{found.network_s:g} s"),
    ]
    return table(("limit", "default"), rows)


def initiating(settings: Settings) -> str:
    """As requestor: the limits of an association with a destination."""
    found = settings.delivery
    rows = [
        ("associations at once", "1 for each destination"),
        ("outstanding asynchronous operations", "1 (no asynchronous window is negotiated)"),
        ("connecting", f"{found.connect_s:g} s"),
        ("waiting for A-ASSOCIATE-AC, A-RELEASE-RP", f"{found.acse_s:g} s"),
        ("waiting for a response, the transfer of the request included", f"{found.dimse_s:g} s"),
        ("silence on an association", f"{found.network_s:g} s"),
        ("a delivery that failed for now is repeated", f"after {found.first_s:g} s"),
        ("each further time", f"after {found.factor:g} times as long, at most {found.max_s:g} s"),
        ("a Storage Commitment report is asked for again", f"after {found.report_s:g} s, then ever later"),
        ("the association of an N-ACTION is kept open for its report", f"{found.linger_s:g} s"),
        ("given up", f"after {found.horizon_h:g} h"),
    ]
    return table(("limit", "default"), rows)


def tls_suites() -> str:
    """Cipher suites of TLS 1.2, by OpenSSL's names."""
    return table(("TLS 1.2 cipher suite", "key exchange"), ((each, each.split("-")[0]) for each in SUITES))


def _rows() -> Iterator[tuple[str, str, str]]:
    for section, field in Settings.model_fields.items():
        name = f"[[{section}]]" if section in _LISTS else f"[{section}]"
        if section == "destinations":
            yield from _destination_rows(name)
            continue
        for key, inner in _model(field.annotation).model_fields.items():
            yield f"`{name}`", f"`{key}`", _default(inner)


def _destination_rows(name: str) -> Iterator[tuple[str, str, str]]:
    """Each kind of destination has its own keys."""
    for kind, model in DESTINATION_KINDS.items():
        for key, inner in model.model_fields.items():
            default = kind if key == "kind" else _default(inner)
            yield f"`{name}` of kind {kind}", f"`{key}`", default


def _model(annotation: Any) -> type[BaseModel]:
    """The model of a section, also of a list of them."""
    inner = get_args(annotation)[0] if get_origin(annotation) else annotation
    return cast(type[BaseModel], inner)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return re.sub(r"^(True|False)$", lambda found: found[0].lower(), str(value))
