"""The audit trail of PS3.15 annex A.5: who sent what to whom, and who was not let in."""

from ctsma_node.audit.events import Party, alerted, begun, started, stopped, transferred
from ctsma_node.audit.patient import patient_id
from ctsma_node.audit.recorder import Recorder

__all__ = [
    "Party",
    "Recorder",
    "alerted",
    "begun",
    "patient_id",
    "started",
    "stopped",
    "transferred",
]
