"""HTTP statuses of a Store transaction, as data: what each one means for the instances of the request.

Sources: PS3.18 table 10.5.3-1 and RFC 9110 section 15. The response's own list of instances, where there is
one, goes before its status. What a person can set right at either end (credentials, address, a server that
is down) is tried again; what the same instance would meet again is not.
"""

from __future__ import annotations

from dataclasses import dataclass

from ctsma_node.deliver.status import Outcome


@dataclass(frozen=True)
class HttpMeaning:
    """One row of the table: statuses from `first` to `last`, both included."""

    first: int
    last: int
    outcome: Outcome
    text: str


HTTP_STATUSES: tuple[HttpMeaning, ...] = (
    HttpMeaning(200, 200, Outcome.DELIVERED, "stored"),
    # Of several instances some were not stored; a single one that was not would have been answered 409.
    HttpMeaning(202, 202, Outcome.DELIVERED, "stored with warnings"),
    HttpMeaning(300, 399, Outcome.TRANSIENT, "redirected, which is not followed"),
    HttpMeaning(400, 400, Outcome.PERMANENT, "bad request"),
    HttpMeaning(401, 401, Outcome.TRANSIENT, "credentials missing or not accepted"),
    HttpMeaning(403, 403, Outcome.TRANSIENT, "not authorised"),
    HttpMeaning(404, 404, Outcome.TRANSIENT, "no such service at this address"),
    HttpMeaning(409, 409, Outcome.PERMANENT, "conflict"),
    HttpMeaning(413, 413, Outcome.PERMANENT, "too large"),
    HttpMeaning(415, 415, Outcome.PERMANENT, "media type not supported"),
    HttpMeaning(500, 599, Outcome.TRANSIENT, "server error"),
)

ABOUT_CONTENT = frozenset({202, 400, 409, 413, 415, 500})
"""Statuses that one instance may have brought upon all others of its request.

500 is also what a server says to everything that it cannot do at the moment.
"""


def http_meaning(status: int) -> HttpMeaning:
    """The row of HTTP_STATUSES that `status` falls into; any other promises nothing and is tried again."""
    for row in HTTP_STATUSES:
        if row.first <= status <= row.last:
            return row
    return HttpMeaning(status, status, Outcome.TRANSIENT, "not in the tables of the Store transaction")
