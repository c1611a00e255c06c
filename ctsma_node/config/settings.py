"""The settings, section by section as in node.toml; `deploy/node.example.toml` explains them to an operator.

Every default stands here and nowhere else. Durations are seconds, sizes bytes.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ctsma_node.config.addresses import AETitle, Host, HostIfAny, Port
from ctsma_node.config.choice import ChoiceSettings
from ctsma_node.config.operations import NotifySettings, RetentionSettings
from ctsma_node.config.peers import (
    DestinationByKind,
    SourceSettings,
)
from ctsma_node.config.refusals import EXPLAINED_BY_DEFAULT, in_full, known
from ctsma_node.config.section import Seconds, Section

Language = Literal["en", "de"]
LANGUAGES: tuple[str, ...] = get_args(Language)
"""Those that `dicom_templates` has texts in."""


class NodeSettings(Section):
    """`[node]`: what the node is called, where it listens and where it keeps its state."""

    ae_title: AETitle = "CTSMA"
    bind: Host = "127.0.0.1"  # nothing from outside until an administrator says so
    port: Annotated[int, Field(ge=0, le=65535)] = 11112  # 0: any free port
    state_dir: Path = Path("/var/lib/ctsma-node")


class TlsSettings(Section):
    """`[tls]`: DICOM over TLS (PS3.15 annex B); off while there is no certificate."""

    certificate: str = ""  # PEM file: the node's certificate, then those between it and the CA's
    key: str = ""  # PEM file, readable by the service alone
    ca: str = ""  # PEM file: the CAs that sign the peers' certificates
    crl: str = ""  # PEM file: a revocation list of each of them; "": none is asked
    port: Annotated[int, Field(ge=0, le=65535)] = 2762  # registered for DICOM over TLS; 0: any free port
    required: bool = True  # [node] port, which is not encrypted, stays closed
    client_certificate: bool = True  # who shows none is not let in
    handshake_s: Seconds = 10.0

    @property
    def enabled(self) -> bool:
        """Say whether the node listens for TLS."""
        return bool(self.certificate)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key go together")
        if self.certificate and self.client_certificate and not self.ca:
            raise ValueError("client_certificate needs ca: who signs the certificates of the sources")
        if self.crl and not self.ca:
            raise ValueError("crl needs ca: the lists are those of its CAs")
        return self


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
    gpu_memory_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0  # of the GPU's memory, for this node
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
    """`[report]`: in which language the node speaks, and how it signs what it makes (PS3.3 C.7.5.1)."""

    language: Language = "en"
    explain_refusals: Annotated[tuple[str, ...], BeforeValidator(in_full), AfterValidator(known)] = (
        EXPLAINED_BY_DEFAULT
    )
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
    min_free_bytes: Annotated[int, Field(ge=0)] = 268435456  # no step begins with less


class LogSettings(Section):
    """`[log]`: JSON lines on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class AuditSettings(Section):
    """`[audit]`: the audit trail of PS3.15 annex A.5, and where else it goes."""

    enabled: bool = True  # in files below the state folder
    patient_ids: bool = False  # the Patient ID stands in messages about transfers
    site_id: str = Field(default="", max_length=64)  # AuditEnterpriseSiteID
    file_bytes: Annotated[int, Field(ge=65536)] = 10485760
    files: Annotated[int, Field(ge=2, le=10000)] = 10  # of each process; then the oldest goes
    syslog_host: HostIfAny = ""
    syslog_port: Port = 6514  # syslog over TLS (RFC 5425 section 4.1)
    syslog_ca: str = ""  # PEM file; "": that of [tls]


class LimitSettings(Section):
    """`[limits]`: what one node takes upon itself when peers misbehave."""

    max_associations: Annotated[int, Field(ge=1, le=1000)] = 50
    max_per_address: Annotated[int, Field(ge=1, le=1000)] = 20  # of them, from one address
    max_new_per_s: Annotated[float, Field(gt=0, le=10000)] = 50.0  # connections from one address, on average
    backlog: Annotated[int, Field(ge=1, le=4096)] = 1024
    max_pdu: Annotated[int, Field(ge=4096, le=1048576)] = 131072
    acse_s: Seconds = 30.0
    dimse_s: Seconds = 60.0
    network_s: Seconds = 60.0
    drain_s: Seconds = 30.0  # how long associations may go on after a stop
    max_instance_bytes: Annotated[int, Field(ge=1 << 20)] = 4294967296
    min_free_bytes: Annotated[int, Field(ge=0)] = 1073741824  # refuse before the disk is full
    outbox_quota_bytes: Annotated[int, Field(ge=0)] = 2147483648  # for results; instances leave it free


class WebSettings(Section):
    """`[web]`: the page, /health and /metrics, served by a process of their own.

    Listening to more than this machine takes a token for reading, and TLS here or at a proxy.
    """

    enabled: bool = True  # whether `serve` starts it
    bind: Host = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8112  # 0: any free port
    hosts: tuple[Host, ...] = ()  # names it is reached by, besides addresses and "localhost"
    read_token_file: str = ""  # whoever reads must know its content; "": whoever reaches the port may read
    tls_certificate: str = ""  # PEM files
    tls_key: str = ""
    behind_proxy: bool = False  # a proxy in front ends TLS
    destination_failing_s: Seconds = 900.0  # from when on /health counts a destination that fails

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key go together")
        if self.is_local:
            return self
        if not self.read_token_file:
            raise ValueError(f"bind {self.bind} reaches beyond this machine: it needs read_token_file")
        if not self.tls_key and not self.behind_proxy:
            raise ValueError(f"bind {self.bind} needs tls_certificate and tls_key, or behind_proxy = true")
        return self

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.bind).is_loopback
        except ValueError:
            return self.bind == "localhost"


class Settings(Section):
    """Everything node.toml can say."""

    node: NodeSettings = NodeSettings()
    sources: tuple[SourceSettings, ...] = ()
    destinations: tuple[DestinationByKind, ...] = ()
    tls: TlsSettings = TlsSettings()
    completion: CompletionSettings = CompletionSettings()
    choice: ChoiceSettings = ChoiceSettings()
    gate: GateSection = GateSection()
    analysis: AnalysisSettings = AnalysisSettings()
    report: ReportSettings = ReportSettings()
    delivery: DeliverySettings = DeliverySettings()
    worker: WorkerSettings = WorkerSettings()
    log: LogSettings = LogSettings()
    limits: LimitSettings = LimitSettings()
    audit: AuditSettings = AuditSettings()
    web: WebSettings = WebSettings()
    retention: RetentionSettings = RetentionSettings()
    notify: NotifySettings = NotifySettings()

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

    @model_validator(mode="after")
    def _tls_is_complete(self) -> Self:
        bound = [each.ae_title for each in self.sources if each.is_bound]
        if bound and not self.tls.enabled:
            raise ValueError(f"{bound[0]} is bound to a certificate, but [tls] has none: nobody can show it")
        called = [each for each in self.destinations if each.kind == "dicom"]
        for each in (*called, *(source.query for source in self.sources if source.query)):
            if each.tls and not (each.tls_ca or self.tls.ca):
                raise ValueError(f"{each.host} has tls, but neither tls_ca nor [tls] ca says whom to trust")
        if self.audit.syslog_host and not (self.audit.syslog_ca or self.tls.ca):
            raise ValueError(
                "[audit] syslog_host needs syslog_ca or [tls] ca: audit messages go over TLS alone"
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
    def audit_dir(self) -> Path:
        """The audit trails, a folder for each process."""
        return self.node.state_dir / "audit"

    @property
    def inbox_path(self) -> Path:
        """The receiver's ledger file."""
        return self.node.state_dir / "inbox.sqlite3"

    @property
    def ledger_path(self) -> Path:
        """The worker's ledger file."""
        return self.node.state_dir / "ledger.sqlite3"

    @property
    def commands_dir(self) -> Path:
        """What people ask of cases, until the worker has done it."""
        return self.node.state_dir / "commands"

    @property
    def releases_dir(self) -> Path:
        """Which series people let go of, until the receiver has done it."""
        return self.node.state_dir / "releases"

    @property
    def web_token_path(self) -> Path:
        """The token that whoever asks by the page must know."""
        return self.node.state_dir / "web.token"

    def heartbeat_path(self, name: Literal["receive", "work"]) -> Path:
        """Where a process says that it lives."""
        return self.node.state_dir / "alive" / f"{name}.json"

    def clock_path(self, name: Literal["receive", "work"]) -> Path:
        """What a process knows of the system's clock."""
        return self.node.state_dir / "alive" / f"{name}.clock.json"
