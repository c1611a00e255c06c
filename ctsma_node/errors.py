"""What can go wrong, as branches that the worker treats apart.

`Refused` is permanent: the series is not fit, the same answer would come again.
`InvalidResult` is permanent, too: the same series gives the same objects, which may not leave.
`Transient` is retried: the world may be better later.
"""

from __future__ import annotations


class NodeError(Exception):
    """Something the node knows how to name."""


class Refused(NodeError):
    """The series is not analysed; `code` is stable, `reason` is a sentence for a person.

    The sentence never holds patient data: it ends up in logs, in `status` and in the report.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class Transient(NodeError):
    """A step could not be done now and is tried again later."""


class Deferred(NodeError):
    """A step waits for something that is on its way: no failed attempt, and looked at again at `due_at`."""

    def __init__(self, due_at: float, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.due_at = due_at
        self.code = code
        self.reason = reason


class InvalidResult(NodeError):
    """What was made of a series does not pass the node's own checks, so nothing of it is sent.

    Permanent, but no refusal: the fault is the node's, and the series may be fit. `reason` names the object
    and the first finding.
    """

    code = "invalid_result"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BundleError(NodeError):
    """The bundle's files are not the ones its manifest describes."""


class SettingsError(NodeError):
    """The configuration cannot be used as it stands."""
