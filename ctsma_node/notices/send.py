"""Sends a digest: e-mail (SMTP, STARTTLS) and a webhook (HTTP POST of JSON), within a time limit each."""

from __future__ import annotations

import http.client
import json
import smtplib
import ssl
import urllib.error
import urllib.request
from email.message import EmailMessage
from pathlib import Path

from ctsma_node.config.operations import NotifySettings
from ctsma_node.errors import NodeError
from ctsma_node.notices.digest import Digest


class NoticeError(NodeError):
    """A notice could not be sent; the message says by which way and why."""


def send(digest: Digest, settings: NotifySettings) -> None:
    """Send a digest by every way that is set, and raise NoticeError when one of them failed."""
    failures = []
    for wanted, way in ((settings.smtp_host, _mail), (settings.webhook_url, _post)):
        if wanted:
            try:
                way(digest, settings)
            except (OSError, ValueError, smtplib.SMTPException, http.client.HTTPException) as error:
                failures.append(f"{way.__name__.strip('_')}: {_why(error)}")
    if failures:
        raise NoticeError("; ".join(failures))


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
