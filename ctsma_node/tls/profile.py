"""What both sides of a TLS connection agree to, and no less.

The BCP 195 RFC 8996, 9325 profile (PS3.15 B.12) wants TLS 1.2, allows 1.3 and forbids what is older; so did
the retired Non-Downgrading profile (B.10), which DCMTK 3.6 speaks by default. Of TLS 1.2 these are the four
suites of RFC 9325 section 4.2: forward secrecy and authenticated encryption. Those with DHE, which B.10
lists too, RFC 9325 section 4.1 advises against. TLS 1.3 has no weak suites to leave out.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TypeVar

from ctsma_node.errors import SettingsError
from ctsma_node.tls.credentials import Credentials
from ctsma_node.tls.revocation import use_lists

SUITES = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
)

_SECURITY = "@SECLEVEL=2"  # OpenSSL: keys worth 112 bits, so RSA from 2048 and curves from 224; no SHA-1


Context = TypeVar("Context", bound=ssl.SSLContext)


def new_context(
    side: int, credentials: Credentials | None, ca: str, kind: type[Context], crl: str = "", now: float = 0.0
) -> Context:
    """A context of the profile. Raises SettingsError where a file is not what it should be.

    `crl` names the revocation lists that peers' certificates must not stand in, `now` the time for their end.
    No session is resumed: every association sees the peer's certificate checked anew.
    """
    context = kind(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(SUITES) + ":" + _SECURITY)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    if credentials is not None:
        credentials.use_in(context)
    if ca:
        _trust(context, Path(ca))
    if crl:
        use_lists(context, Path(crl), now)
    return context


def _trust(context: ssl.SSLContext, ca: Path) -> None:
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError:
        raise SettingsError(f"{ca} holds no certificates in PEM form.") from None
    except OSError as error:
        raise SettingsError(f"{ca} cannot be read: {error.strerror}.") from None
