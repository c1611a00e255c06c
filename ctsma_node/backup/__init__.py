"""A copy of the state folder, taken while the node runs, and the way back."""

from ctsma_node.backup.restoring import restore
from ctsma_node.backup.taking import BackupError, Manifest, take

__all__ = ["BackupError", "Manifest", "restore", "take"]
