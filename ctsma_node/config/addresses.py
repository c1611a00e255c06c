"""Names and addresses as settings hold them: AE titles, hosts, networks, ports, fingerprints, web roots."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field

_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?"
)


def ae_title(text: str) -> str:
    """PS3.5 6.2, VR AE: at most 16 characters of the default repertoire, no backslash, no control."""
    title = text.strip(" ")
    if not 1 <= len(title) <= 16 or "\\" in title or not (title.isascii() and title.isprintable()):
        raise ValueError("an AE title has 1 to 16 printable ASCII characters and no backslash")
    return title


def _host(text: str) -> str:
    """An IP address or a host name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if _HOST_NAME.fullmatch(text) is None or re.fullmatch(r"[0-9.]+", text):
            raise ValueError("not an IP address or a host name") from None
    return text


def _host_or_network(text: str) -> str:
    """An IP address, a network in CIDR notation, or a host name."""
    if "/" not in text:
        return _host(text)
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"not a network in CIDR notation ({error})") from None
    return text


def _web_root(text: str) -> str:
    """The root of DICOMweb services, without a slash at its end."""
    if re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text) is None:
        raise ValueError("not an http(s) address such as https://pacs.example/dicom-web")
    return text.rstrip("/")


def _fingerprint(text: str) -> str:
    """The SHA-256 of a certificate as `openssl x509 -fingerprint -sha256` prints it, or without colons."""
    digits = text.replace(":", "").lower()
    if re.fullmatch(r"[0-9a-f]{64}", digits) is None:
        raise ValueError("a SHA-256 fingerprint has 64 hexadecimal digits")
    return digits


AETitle = Annotated[str, AfterValidator(ae_title)]
Fingerprint = Annotated[str, AfterValidator(_fingerprint)]
Host = Annotated[str, AfterValidator(_host)]
HostIfAny = Annotated[str, AfterValidator(lambda text: text and _host(text))]
HostOrNetwork = Annotated[str, AfterValidator(_host_or_network)]
Port = Annotated[int, Field(ge=1, le=65535)]
WebRoot = Annotated[str, AfterValidator(_web_root)]
