"""Which settings a running service takes over, and which wait for a restart, by name."""

from __future__ import annotations

import pytest

from ctsma_node.config import DestinationSettings, DicomWebSettings, Settings, SourceSettings
from ctsma_node.config.operations import RetentionSettings
from ctsma_node.config.reload import reloaded
from ctsma_node.config.settings import GateSection, NodeSettings

OLD = Settings()


def test_what_may_change_holds_and_what_may_not_is_named() -> None:
    new = Settings(node=NodeSettings(port=104, ae_title="OTHER"), retention=RetentionSettings(results_days=1))
    found = reloaded(OLD, new, ("node",), ("node", "retention"))
    assert found.settings == OLD.model_copy(update={"retention": new.retention})
    assert found.taken == ("[retention] results_days",)
    assert found.waiting == ("[node] ae_title", "[node] port")


def test_what_a_service_does_not_look_at_changes_silently() -> None:
    found = reloaded(OLD, Settings(gate=GateSection(min_slices=40)), ("node",), ("node", "sources"))
    assert (found.taken, found.waiting) == ((), ())


def test_lists_are_taken_whole() -> None:
    new = Settings(sources=(SourceSettings(ae_title="NEW", addresses=("192.0.2.1",)),))
    found = reloaded(OLD, new, ("node",), ("node", "sources"))
    assert (found.taken, found.settings.sources) == (("[[sources]] NEW",), new.sources)


def source(ae_title: str, address: str = "192.0.2.1") -> SourceSettings:
    return SourceSettings(ae_title=ae_title, addresses=(address,))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ((source("A"),), (source("A"), source("B")), ["[[sources]] B"]),
        ((source("A"), source("B")), (source("B"),), ["[[sources]] A"]),
        ((source("A"),), (source("A", "192.0.2.2"),), ["[[sources]] A"]),
        ((source("A"), source("B")), (source("B"), source("A")), ["[[sources]] order"]),
        ((source("A"),), (source("B"),), ["[[sources]] A", "[[sources]] B"]),
    ],
)
@pytest.mark.parametrize("fixed", [("node",), ("node", "sources")])
def test_the_entries_of_a_list_are_told(
    before: tuple[SourceSettings, ...],
    after: tuple[SourceSettings, ...],
    told: list[str],
    fixed: tuple[str, ...],
) -> None:
    found = reloaded(Settings(sources=before), Settings(sources=after), fixed, ("node", "sources"))
    assert [*found.taken, *found.waiting] == told
    assert bool(found.waiting) is ("sources" in fixed)
    assert found.settings.sources == (before if "sources" in fixed else after)


def test_destinations_are_told_by_name() -> None:
    pacs = DestinationSettings(name="pacs", ae_title="PACS", host="a.example", port=104)
    web = DicomWebSettings(kind="dicomweb", name="web", url="https://a.example")
    found = reloaded(OLD, Settings(destinations=(pacs, web)), ("node",), ("destinations",))
    assert found.taken == ("[[destinations]] pacs", "[[destinations]] web")
