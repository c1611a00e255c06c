"""node.toml -> frozen, validated settings."""

from ctsma_node.config.choice import ChoiceSettings, RuleSettings
from ctsma_node.config.load import load
from ctsma_node.config.peers import (
    DEFAULT_KINDS,
    OBJECT_KINDS,
    AnyDestination,
    DestinationSettings,
    DicomWebSettings,
    SourceSettings,
)
from ctsma_node.config.settings import LANGUAGES, Settings

__all__ = [
    "DEFAULT_KINDS",
    "LANGUAGES",
    "OBJECT_KINDS",
    "AnyDestination",
    "ChoiceSettings",
    "DestinationSettings",
    "DicomWebSettings",
    "RuleSettings",
    "Settings",
    "SourceSettings",
    "load",
]
