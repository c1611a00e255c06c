"""`[retention]` and `[notify]`: what is kept for how long, and who is told when something goes wrong."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from ctsma_node.config.section import Seconds, Section

Days = Annotated[float, Field(ge=0, le=36500)]


def _webhook(text: str) -> str:
    """An https address; http only to this machine itself, where nobody listens in."""
    if not text:
        return text
    parts = urlsplit(text)
    if parts.scheme == "http" and _is_loopback(parts.hostname):
        return text
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("an https:// address is wanted (http:// to this machine only)")
    return text


def _is_loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


class RetentionSettings(Section):
    """`[retention]`: days after which files are removed; 0: they are kept. The ledger keeps its rows."""

    instances_days: Days = 14.0  # instances of a series, after its last case was delivered or refused
    results_days: Days = 30.0  # objects, after every destination has them, or never takes them
    quarantine_days: Days = 90.0  # what could not become an instance


class NotifySettings(Section):
    """`[notify]`: e-mail, a webhook, or both, when a person is needed. Off while neither is set."""

    smtp_host: str = ""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    starttls: bool = True
    smtp_user: str = ""
    smtp_password_file: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()
    webhook_url: Annotated[str, AfterValidator(_webhook)] = ""
    webhook_token_file: str = ""  # sent as `Authorization: Bearer ...`
    every_s: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 900.0  # at most one notice in so long
    timeout_s: Seconds = 10.0

    @property
    def enabled(self) -> bool:
        """Whether anybody is told."""
        return bool(self.smtp_host or self.webhook_url)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.smtp_host and not (self.sender and self.recipients):
            raise ValueError("smtp_host needs a sender and recipients")
        if bool(self.smtp_user) != bool(self.smtp_password_file):
            raise ValueError("smtp_user and smtp_password_file go together")
        if self.smtp_user and not self.starttls:
            raise ValueError("smtp_user needs starttls: a password is not sent in the clear")
        return self
