"""The settings of whoever sends to the node, is asked by it, or gets its results."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Discriminator, Field, Tag, model_validator

from ctsma_node.config.addresses import AETitle, Fingerprint, Host, HostOrNetwork, Port, WebRoot
from ctsma_node.config.section import Name, Seconds, Section

ObjectKind = Literal[
    "volume",
    "segmentation",
    "labelmap",
    "parametric_map",
    "report",
    "viewer_report",
    "text_report",
    "picture",
    "key_objects",
    "not_analysed",
]
OBJECT_KINDS: tuple[ObjectKind, ...] = get_args(ObjectKind)
"""What the node can make and send: the names a destination's `objects` may hold."""
DEFAULT_KINDS: tuple[ObjectKind, ...] = tuple(kind for kind in OBJECT_KINDS if kind != "labelmap")
"""Those that a destination gets which does not choose: few archives know the label map's SOP class."""


class CalledSettings(Section):
    """A peer that the node calls: where it listens, and how it is known where that is over TLS."""

    host: Host
    port: Port
    tls: bool = False
    tls_ca: str = ""  # PEM file: who signs its certificate; "": that of [tls]
    tls_crl: str = ""  # PEM file: revocation lists of those CAs; "": that of [tls] where tls_ca is, too
    tls_certificate: str = ""  # PEM file: ours there; "": that of [tls]
    tls_key: str = ""
    tls_name: str = ""  # the name in its certificate; "": host
    tls_certificate_sha256: tuple[Fingerprint, ...] = ()  # instead of a name

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key go together")
        return self


class QuerySettings(CalledSettings):
    """`[sources.query]`: where the source is asked, by C-FIND, how many instances a series has."""

    ae_title: AETitle
    calling_ae_title: AETitle | None = None  # None: the node's own
    timeout_s: Seconds = 5.0  # for each part of a question: connecting, the association, the answer


class SourceSettings(Section):
    """`[[sources]]`: a peer that may send. Both its AE title and its address must be known."""

    ae_title: AETitle
    addresses: Annotated[tuple[HostOrNetwork, ...], Field(min_length=1)]
    query: QuerySettings | None = None  # None: it is not asked
    certificate_sha256: tuple[Fingerprint, ...] = ()  # of its TLS certificate; two while it is renewed
    certificate_names: tuple[str, ...] = ()  # or one of these names in its TLS certificate

    @property
    def is_bound(self) -> bool:
        """Say whether the AE title may be used with certain TLS certificates only."""
        return bool(self.certificate_sha256 or self.certificate_names)


class DestinationSettings(CalledSettings):
    """`[[destinations]]`: a peer that gets the results, by C-STORE."""

    kind: Literal["dicom"] = "dicom"
    name: Name
    ae_title: AETitle
    calling_ae_title: AETitle | None = None  # None: the node's own
    objects: Annotated[tuple[ObjectKind, ...], Field(min_length=1)] = DEFAULT_KINDS
    # What "delivered" means there: the status of its C-STORE, what a C-FIND returns, or Storage Commitment
    proof: Literal["status", "find", "commitment"] = "status"
    proof_ae_title: AETitle | None = None  # who is asked, where it is not who stores
    proof_host: Host | None = None
    proof_port: Port | None = None


class DicomWebSettings(Section):
    """`[[destinations]]` with `kind = "dicomweb"`: an origin server that gets the results, by STOW-RS."""

    kind: Literal["dicomweb"]
    name: Name
    url: WebRoot
    objects: Annotated[tuple[ObjectKind, ...], Field(min_length=1)] = DEFAULT_KINDS
    # What "delivered" means there: the response to the STOW-RS, or what a QIDO-RS returns
    proof: Literal["status", "find"] = "status"
    token_file: str = ""  # holds a bearer token; readable by the service alone
    basic_file: str = ""  # holds "user:password"; readable by the service alone
    ca_file: str = ""  # PEM; "": the system's certificate authorities

    @model_validator(mode="after")
    def _credentials_are_safe(self) -> Self:
        if self.token_file and self.basic_file:
            raise ValueError("token_file and basic_file exclude one another")
        if (self.token_file or self.basic_file) and self.url.startswith("http://"):
            raise ValueError("credentials go over https only")
        return self


def _kind(given: Any) -> str | None:
    """Which kind of destination is meant; DICOM where nothing is said."""
    kind = given.get("kind", "dicom") if isinstance(given, dict) else getattr(given, "kind", None)
    return kind if kind in DESTINATION_KINDS else None


DESTINATION_KINDS: dict[str, type[Section]] = {"dicom": DestinationSettings, "dicomweb": DicomWebSettings}

AnyDestination = DestinationSettings | DicomWebSettings
DestinationByKind = Annotated[
    Annotated[DestinationSettings, Tag("dicom")] | Annotated[DicomWebSettings, Tag("dicomweb")],
    Discriminator(_kind, custom_error_type="kind", custom_error_message='kind is "dicom" or "dicomweb"'),
]
