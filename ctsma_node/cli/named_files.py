"""The files of credentials and authorities that the settings name, looked at before they are needed."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ctsma_node.config import Settings
from ctsma_node.errors import SettingsError


@dataclass(frozen=True)
class NamedFile:
    """A file, and what it is for."""

    setting: str
    path: str
    is_private: bool = False
    """The node refuses it where others can read it."""
    holds_authorities: bool = False

    def check(self) -> str:
        """A sentence about it; raises SettingsError where it is not what it should be."""
        path = Path(self.path)
        try:
            if self.is_private and path.stat().st_mode & 0o077:
                raise SettingsError(f"{path} can be read by others than the service: chmod 600 it")
            path.read_bytes()
            if self.holds_authorities:
                ssl.create_default_context(cafile=self.path)
        except ssl.SSLError:
            raise SettingsError(f"{path} holds no certificates in PEM") from None
        except OSError as error:
            raise SettingsError(f"{path} cannot be read ({error.strerror})") from None
        return self.path


def named_files(settings: Settings) -> Iterator[NamedFile]:
    """Those of notices, audit trail and DICOMweb destinations; others have checks of their own."""
    notify = settings.notify
    found = [
        NamedFile("[notify] smtp_password_file", notify.smtp_password_file),
        NamedFile("[notify] webhook_token_file", notify.webhook_token_file),
        NamedFile("[audit] syslog_ca", settings.audit.syslog_ca, holds_authorities=True),
    ]
    for each in settings.destinations:
        if each.kind == "dicomweb":
            found += [
                NamedFile(f"{each.name} token_file", each.token_file, is_private=True),
                NamedFile(f"{each.name} basic_file", each.basic_file, is_private=True),
                NamedFile(f"{each.name} ca_file", each.ca_file, holds_authorities=True),
            ]
    return (each for each in found if each.path)
