"""The node of the demonstration keeps to its own settings."""

from __future__ import annotations

from ctsma_node.config.load import without_settings


def test_the_settings_of_the_site_are_not_the_demonstrations() -> None:
    """Its state folder would be the real one, and what waits there would go to the demonstration's PACS."""
    given = {"CTSMA_NODE__STATE_DIR": "/var/lib/ctsma-node", "CTSMA_CONFIG": "/etc/node.toml", "PATH": "/bin"}
    assert without_settings(given) == {"PATH": "/bin"}
