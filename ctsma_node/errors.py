"""What can go wrong, as two branches that the worker treats apart.

`Refused` is permanent: the series is not fit, the same answer would come again.
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


class BundleError(NodeError):
    """The bundle's files are not the ones its manifest describes."""


class SettingsError(NodeError):
    """The configuration cannot be used as it stands."""
