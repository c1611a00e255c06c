"""What a receiver that runs holds of one instance: nothing, where it answered A700."""

from __future__ import annotations

import hashlib
from contextlib import closing

from ctsma_node.config import Settings
from ctsma_node.ledger.inbox import InboxReader

WHOLE = ["a row", "a whole file"]


def in_spool(settings: Settings, sop_instance_uid: str, dataset: bytes) -> list[str]:
    """What there is in the spool and the inbox of an instance."""
    name = hashlib.sha256(sop_instance_uid.encode("ascii")).hexdigest()
    with closing(InboxReader(settings.inbox_path)) as inbox:
        rows = inbox.instances_after(0, limit=1_000_000)
    has_row = any(row.sop_instance_uid == sop_instance_uid and row.missing_at is None for row in rows)
    return _told(has_row, settings, "spool", name, dataset)


def in_quarantine(settings: Settings, dataset: bytes) -> list[str]:
    """What there is in quarantine of a dataset."""
    name = hashlib.sha256(dataset).hexdigest()
    with closing(InboxReader(settings.inbox_path)) as inbox:
        has_row = any(each.sha256 == name for each in inbox.quarantined())
    return _told(has_row, settings, "quarantine", name, dataset)


def _told(has_row: bool, settings: Settings, folder: str, name: str, dataset: bytes) -> list[str]:
    told = ["a row"] if has_row else []
    for path in sorted((settings.node.state_dir / folder).glob(f"{name[:2]}/{name}*")):
        is_whole = path.suffix == ".dcm" and path.read_bytes().endswith(dataset)
        told.append("a whole file" if is_whole else path.name)
    return told
