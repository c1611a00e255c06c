"""Put something wrong in the place of what is right."""

from __future__ import annotations


def patch(owner: object, name: str, wrong: object) -> None:
    """Replace it for the rest of this process's life; what is replaced must be there."""
    assert hasattr(owner, name), f"{owner} has no {name} any more"
    setattr(owner, name, wrong)
