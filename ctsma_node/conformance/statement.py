"""Fills the statement's template with the tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import resources

from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION

from ctsma_node import __version__
from ctsma_node.config import Settings
from ctsma_node.conformance import parameters, services, terminology
from ctsma_node.conformance.created import all_attributes, created
from ctsma_node.conformance.markdown import fill, table
from ctsma_node.report.identity import IMPLEMENTATION_CLASS_UID
from ctsma_node.report.items import CHARACTER_SET
from ctsma_node.report.modules import VERSION_NAME

TEMPLATE = "template.md"


def statement(settings: Settings) -> str:
    """The statement in Markdown; the same settings and version always give the same text."""
    template = resources.files("ctsma_node.conformance").joinpath(TEMPLATE).read_text(encoding="utf-8")
    return fill(template, _parts(settings))


def _parts(settings: Settings) -> dict[str, Callable[[], str]]:
    made = created()
    return {
        "identification": partial(_identification, settings),
        "overview": partial(services.overview, made),
        "provided_contexts": services.provided_contexts,
        "accepted_syntaxes": services.accepted_syntaxes,
        "proposed_contexts": partial(services.proposed_contexts, made),
        "other_services": services.other_services,
        "store_answers": services.store_answers,
        "store_outcomes": services.store_outcomes,
        "commitment_outcomes": services.commitment_outcomes,
        "web_outcomes": services.web_outcomes,
        "count_outcomes": services.count_outcomes,
        "rejections": services.rejections,
        "limits": partial(parameters.limits, settings),
        "initiating": partial(parameters.initiating, settings),
        "tls_suites": parameters.tls_suites,
        "parameters": parameters.parameters,
        "series": terminology.series,
        "attributes": partial(all_attributes, made),
        "coding_scheme": terminology.coding_scheme,
        "codes": terminology.codes,
    }


def _identification(settings: Settings) -> str:
    rows = [
        ("Product", "ctsma-node"),
        ("Version", __version__),
        ("AE title", f"{settings.node.ae_title} (configurable)"),
        ("Port", f"{settings.node.port} (configurable)"),
        ("Implementation Class UID in associations", PYNETDICOM_IMPLEMENTATION_UID),
        ("Implementation Version Name in associations", PYNETDICOM_IMPLEMENTATION_VERSION),
        ("Implementation Class UID of created files", IMPLEMENTATION_CLASS_UID),
        ("Implementation Version Name of created files", VERSION_NAME),
        ("Specific Character Set of created objects", CHARACTER_SET),
    ]
    return table(("", ""), rows)
