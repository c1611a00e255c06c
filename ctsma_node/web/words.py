"""Numbers, times, codes and states as a person reads them."""

from __future__ import annotations

from datetime import datetime

from ctsma_node.records import DeliveryState, SeriesState

STATES: dict[SeriesState, str] = {
    SeriesState.RECEIVING: "Receiving",
    SeriesState.STABLE: "Complete, waits for the gate",
    SeriesState.ACCEPTED: "Accepted, waits for the analysis",
    SeriesState.ANALYSED: "Analysed, waits for its report",
    SeriesState.REPORTED: "Reported, being delivered",
    SeriesState.DELIVERED: "Delivered",
    SeriesState.REFUSED: "Refused: not fit for analysis",
    SeriesState.FAILED: "Failed: given up",
}
"""What a state means."""

DELIVERIES: dict[DeliveryState, str] = {
    DeliveryState.PENDING: "to be sent",
    DeliveryState.SENT: "sent, to be proven",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.REJECTED: "rejected by the peer",
    DeliveryState.FAILED: "given up",
}
"""What the state of a delivery means."""

COMPLETIONS = {
    "count": "the number of instances that the source holds",
    "geometry": "its geometry, and a short quiet time",
    "quiet": "the quiet time",
}
"""By what a series became complete."""

KINDS = {
    "volume": "Analysed volume (CT)",
    "segmentation": "Segmentation",
    "parametric_map": "Parametric map",
    "report": "Measurement report (SR)",
    "viewer_report": "Summary for viewers (SR)",
    "text_report": "Report in words (SR)",
    "picture": "Picture",
    "labelmap": "Segmentation as label map",
    "key_objects": "Key objects (KO)",
    "not_analysed": "Why it was not analysed (SR)",
}
"""Kinds of object; one that is not here goes by its own name."""


def kind(name: str) -> str:
    """A kind of object."""
    return KINDS.get(name, name.replace("_", " "))


def moment(at: float) -> str:
    """A time of the node's own clock and zone, to the second."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def machine_moment(at: float) -> str:
    """The same for programs (ISO 8601)."""
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")


def zone(at: float) -> str:
    """The zone that times are in, as UTC+01:00."""
    offset = datetime.fromtimestamp(at).astimezone().strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:]}"


def span(seconds: float) -> str:
    """A length of time: 0.42 s, 2.5 s, 4 min 5 s, 3 h 12 min, 5 d 2 h."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, s = divmod(int(seconds), 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    if not hours:
        return f"{m} min {s} s"
    return f"{days} d {h} h" if days else f"{h} h {m} min"


def amount(size: float) -> str:
    """Bytes: 512 B, 1.2 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def short(uid: str) -> str:
    """The end of a UID, which tells series of one source apart."""
    return uid if len(uid) <= 14 else f"…{uid[-12:]}"


def status(code: int | None) -> str:
    """A DIMSE status as the standard writes it."""
    return "" if code is None else f"{code:04X}H"
