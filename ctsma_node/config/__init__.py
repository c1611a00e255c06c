"""node.toml -> frozen, validated settings."""

from ctsma_node.config.choice import ChoiceSettings, RuleSettings
from ctsma_node.config.load import load
from ctsma_node.config.settings import (
    DEFAULT_KINDS,
    LANGUAGES,
    OBJECT_KINDS,
    AnyDestination,
    DestinationSettings,
    DicomWebSettings,
    Settings,
    SourceSettings,
)

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
