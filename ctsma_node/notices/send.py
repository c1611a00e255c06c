"""Sends a digest: by e-mail (SMTP, STARTTLS) or a webhook (HTTP POST of JSON), within a time limit."""

from __future__ import annotations

import http.client
import json
import smtplib
import ssl
import urllib.error
import urllib.request
from email.message import EmailMessage
from enum import StrEnum
from pathlib import Path

from ctsma_node.config.operations import NotifySettings
from ctsma_node.errors import NodeError
from ctsma_node.notices.digest import Digest


class NoticeError(NodeError):
    """A notice could not be sent; the message says by which way and why."""


class Way(StrEnum):
    """How people are told. The ledger knows it by this name."""

    MAIL = "mail"
    WEBHOOK = "webhook"


def ways(settings: NotifySettings) -> tuple[Way, ...]:
    """Every way that is set."""
    wanted = {Way.MAIL: settings.smtp_host, Way.WEBHOOK: settings.webhook_url}
    return tuple(way for way, address in wanted.items() if address)


def send(way: Way, digest: Digest, settings: NotifySettings) -> None:
    """Send a digest one way; raises NoticeError when that failed."""
    try:
        {Way.MAIL: _mail, Way.WEBHOOK: _post}[way](digest, settings)
    except (OSError, ValueError, smtplib.SMTPException, http.client.HTTPException) as error:
        raise NoticeError(f"{way}: {_why(error)}") from None


def _mail(digest: Digest, settings: NotifySettings) -> None:
    message = EmailMessage()
    message["Subject"], message["From"] = digest.subject, settings.sender
    message["To"] = ", ".join(settings.recipients)
    message.set_content(digest.text)
    with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=settings.timeout_s) as server:
        if settings.starttls:
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            server.login(settings.smtp_user, _secret(settings.smtp_password_file))
        server.send_message(message)


def _post(digest: Digest, settings: NotifySettings) -> None:
    headers = {"Content-Type": "application/json"}
    if settings.webhook_token_file:
        headers["Authorization"] = f"Bearer {_secret(settings.webhook_token_file)}"
    body = json.dumps(digest.fields()).encode()
    request = urllib.request.Request(settings.webhook_url, body, headers, method="POST")
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(request, timeout=settings.timeout_s):
        pass  # any 2xx will do; the rest raises


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token goes to the address that was set, and to no other."""

    def redirect_request(self, *_: object) -> None:
        return None


def _secret(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()


def _why(error: Exception) -> str:
    """Type and number; what a peer writes beside them is not for a log."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"SMTP status {error.smtp_code}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, OSError):
        error = error.reason
    reason = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__}{f' ({reason})' if reason else ''}"
