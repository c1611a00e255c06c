"""The settings, section by section as in node.toml; `deploy/node.example.toml` explains them to an operator.

Every default stands here and nowhere else. Durations are seconds, sizes bytes.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from ctsma_node.config.choice import ChoiceSettings
from ctsma_node.config.section import Name, Seconds, Section

ObjectKind = Literal["volume", "segmentation", "parametric_map", "report", "viewer_report", "picture"]
OBJECT_KINDS: tuple[ObjectKind, ...] = get_args(ObjectKind)
"""What the node can make and send: the names a destination's `objects` may hold."""

_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?"
)


def _ae_title(text: str) -> str:
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


AETitle = Annotated[str, AfterValidator(_ae_title)]
Host = Annotated[str, AfterValidator(_host)]
HostOrNetwork = Annotated[str, AfterValidator(_host_or_network)]
Port = Annotated[int, Field(ge=1, le=65535)]


class NodeSettings(Section):
    """`[node]`: what the node is called, where it listens and where it keeps its state."""

    ae_title: AETitle = "CTSMA"
    bind: Host = "127.0.0.1"  # nothing from outside until an administrator says so
    port: Annotated[int, Field(ge=0, le=65535)] = 11112  # 0: any free port
    state_dir: Path = Path("/var/lib/ctsma-node")


class QuerySettings(Section):
    """`[sources.query]`: where the source is asked, by C-FIND, how many instances a series has."""

    ae_title: AETitle
    host: Host
    port: Port
    calling_ae_title: AETitle | None = None  # None: the node's own
    timeout_s: Seconds = 5.0  # for each part of a question: connecting, the association, the answer


class SourceSettings(Section):
    """`[[sources]]`: a peer that may send. Both its AE title and its address must be known."""

    ae_title: AETitle
    addresses: Annotated[tuple[HostOrNetwork, ...], Field(min_length=1)]
    query: QuerySettings | None = None  # None: it is not asked


class DestinationSettings(Section):
    """`[[destinations]]`: a peer that gets the results, by C-STORE."""

    kind: Literal["dicom"] = "dicom"
    name: Name
    ae_title: AETitle
    host: Host
    port: Port
    calling_ae_title: AETitle | None = None  # None: the node's own
    objects: Annotated[tuple[ObjectKind, ...], Field(min_length=1)] = (
        "volume",
        "segmentation",
        "parametric_map",
        "report",
        "viewer_report",
        "picture",
    )
    # What "delivered" means there: the status of its C-STORE, what a C-FIND returns, or Storage Commitment
    proof: Literal["status", "find", "commitment"] = "status"
    proof_ae_title: AETitle | None = None  # who is asked, where it is not who stores
    proof_host: Host | None = None
    proof_port: Port | None = None


class DicomWebSettings(Section):
    """`[[destinations]]` with `kind = "dicomweb"`: an origin server that gets the results, by STOW-RS."""

    kind: Literal["dicomweb"]
    name: Name
    url: Annotated[str, AfterValidator(_web_root)]
    objects: Annotated[tuple[ObjectKind, ...], Field(min_length=1)] = OBJECT_KINDS
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
_ByKind = Annotated[
    Annotated[DestinationSettings, Tag("dicom")] | Annotated[DicomWebSettings, Tag("dicomweb")],
    Discriminator(_kind, custom_error_type="kind", custom_error_message='kind is "dicom" or "dicomweb"'),
]


class CompletionSettings(Section):
    """`[completion]`: how long a series must be quiet before it counts as complete."""

    short_quiet_s: Seconds = 0.5  # geometry complete and its associations closed
    long_quiet_s: Seconds = 30.0  # whatever it looks like
    least_quiet_s: Seconds = 3.0  # what the long one may shrink to for a sender that makes no pauses

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.short_quiet_s > self.long_quiet_s:
            raise ValueError("short_quiet_s is longer than long_quiet_s")
        return self


class GateSection(Section):
    """`[gate]`: the limits of what is analysed; field by field the gate's own settings.

    They are written twice so that the receiver, which reads node.toml too, does not load the gate.
    """

    min_age_years: Annotated[float, Field(ge=0, le=120)] = 18.0
    min_slices: Annotated[int, Field(ge=3)] = 30
    min_coverage_mm: Annotated[float, Field(ge=0)] = 50.0
    max_slice_spacing_mm: Annotated[float, Field(gt=0)] = 3.0
    max_slice_thickness_mm: Annotated[float, Field(gt=0)] = 4.0
    max_pixel_spacing_mm: Annotated[float, Field(gt=0)] = 1.2
    max_tilt_degrees: Annotated[float, Field(ge=0, lt=80)] = 35.0
    max_voxels: Annotated[int, Field(gt=0)] = 500_000_000
    max_metal_mm3: Annotated[float, Field(ge=0)] = 20.0
    allow_lossy: bool = False
    allow_derived_primary: bool = False


class AnalysisSettings(Section):
    """`[analysis]`: the bundle of networks and what it runs on."""

    bundle: str = Field(default="default", min_length=1)  # "default": the one that ships; else a folder
    public_key: str = ""  # PEM file of an Ed25519 key that the bundle must be signed by; "": need not be
    refuse_unfamiliar: bool = False  # knees far from those of the training; else they are marked
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    threads: Annotated[int, Field(ge=0, le=1024)] = 0  # 0: as many as there are cores

    @property
    def bundle_folder(self) -> Path | None:
        """None: the one that ships."""
        return None if self.bundle == "default" else Path(self.bundle)

    @property
    def signer(self) -> Path | None:
        """Public key of who must have signed the bundle, if anyone."""
        return Path(self.public_key) if self.public_key else None


class ReportSettings(Section):
    """`[report]`: how the node signs what it makes (PS3.3 C.7.5.1)."""

    institution_name: Annotated[str, Field(max_length=64)] = ""
    station_name: Annotated[str, Field(max_length=16)] = ""
    device_serial_number: Annotated[str, Field(max_length=64)] = ""


class DeliverySettings(Section):
    """`[delivery]`: the time limits of an association, and when a failed delivery is tried again."""

    first_s: Seconds = 15.0
    factor: Annotated[float, Field(ge=1, le=10)] = 2.0
    max_s: Seconds = 3600.0
    horizon_h: Annotated[float, Field(gt=0, le=8760)] = 168.0  # hours; a week
    connect_s: Seconds = 10.0
    acse_s: Seconds = 30.0
    dimse_s: Seconds = 120.0
    network_s: Seconds = 120.0
    report_s: Seconds = 600.0  # until a Storage Commitment report that has not come is asked for again
    linger_s: Annotated[float, Field(ge=0, le=600)] = 2.0  # for a report over the requesting association


class WorkerSettings(Section):
    """`[worker]`: how often a case is tried and how often the inbox is looked at."""

    max_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    sweep_s: Annotated[float, Field(gt=0, le=10)] = 0.2


class LogSettings(Section):
    """`[log]`: JSON lines on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class LimitSettings(Section):
    """`[limits]`: what one node takes upon itself when peers misbehave."""

    max_associations: Annotated[int, Field(ge=1, le=1000)] = 50
    backlog: Annotated[int, Field(ge=1, le=4096)] = 128
    max_pdu: Annotated[int, Field(ge=4096, le=1048576)] = 131072
    acse_s: Seconds = 30.0
    dimse_s: Seconds = 60.0
    network_s: Seconds = 60.0
    drain_s: Seconds = 30.0  # how long associations may go on after a stop
    min_free_bytes: Annotated[int, Field(ge=0)] = 1073741824  # refuse before the disk is full
    outbox_quota_bytes: Annotated[int, Field(ge=0)] = 2147483648  # for results; instances leave it free


class Settings(Section):
    """Everything node.toml can say."""

    node: NodeSettings = NodeSettings()
    sources: tuple[SourceSettings, ...] = ()
    destinations: tuple[_ByKind, ...] = ()
    completion: CompletionSettings = CompletionSettings()
    choice: ChoiceSettings = ChoiceSettings()
    gate: GateSection = GateSection()
    analysis: AnalysisSettings = AnalysisSettings()
    report: ReportSettings = ReportSettings()
    delivery: DeliverySettings = DeliverySettings()
    worker: WorkerSettings = WorkerSettings()
    log: LogSettings = LogSettings()
    limits: LimitSettings = LimitSettings()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [destination.name for destination in self.destinations]
        if len(set(names)) < len(names):
            raise ValueError("two destinations have the same name")
        return self

    @model_validator(mode="after")
    def _reports_reach_the_node(self) -> Self:
        for each in self.destinations:
            if each.kind != "dicom" or each.proof != "commitment":
                continue
            if (each.calling_ae_title or self.node.ae_title) != self.node.ae_title:
                raise ValueError(
                    f'destination {each.name} has proof = "commitment": its report comes to the AE title '
                    "that asked, so calling_ae_title must be that of [node]"
                )
        return self

    @property
    def spool_dir(self) -> Path:
        """Instances as they came; the truth that the inbox is an index of."""
        return self.node.state_dir / "spool"

    @property
    def quarantine_dir(self) -> Path:
        """What reached the node and could not become an instance."""
        return self.node.state_dir / "quarantine"

    @property
    def outbox_dir(self) -> Path:
        """The objects the node made."""
        return self.node.state_dir / "outbox"

    @property
    def paused_dir(self) -> Path:
        """The destinations that an operator has paused."""
        return self.node.state_dir / "paused"

    @property
    def inbox_path(self) -> Path:
        """The receiver's ledger file."""
        return self.node.state_dir / "inbox.sqlite3"

    @property
    def ledger_path(self) -> Path:
        """The worker's ledger file."""
        return self.node.state_dir / "ledger.sqlite3"
