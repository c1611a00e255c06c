"""Tells people that they are needed: one digest by e-mail, a webhook, or both. No patient data."""

from ctsma_node.notices.digest import Digest
from ctsma_node.notices.send import NoticeError, Way, send, ways

__all__ = ["Digest", "NoticeError", "Way", "send", "ways"]
