"""Which settings a running service takes over, and which wait for a restart, by name."""

from __future__ import annotations

from ctsma_node.config import Settings, SourceSettings
from ctsma_node.config.operations import RetentionSettings
from ctsma_node.config.reload import reloaded
from ctsma_node.config.settings import GateSection, NodeSettings

OLD = Settings()


def test_what_may_change_holds_and_what_may_not_is_named() -> None:
    new = Settings(node=NodeSettings(port=104, ae_title="OTHER"), retention=RetentionSettings(results_days=1))
    found = reloaded(OLD, new, ("node",), ("node", "retention"))
    assert found.settings == OLD.model_copy(update={"retention": new.retention})
    assert found.taken == ("retention",)
    assert found.waiting == ("[node] ae_title", "[node] port")


def test_what_a_service_does_not_look_at_changes_silently() -> None:
    found = reloaded(OLD, Settings(gate=GateSection(min_slices=40)), ("node",), ("node", "sources"))
    assert (found.taken, found.waiting) == ((), ())


def test_lists_are_taken_whole() -> None:
    new = Settings(sources=(SourceSettings(ae_title="NEW", addresses=("192.0.2.1",)),))
    found = reloaded(OLD, new, ("node",), ("node", "sources"))
    assert (found.taken, found.settings.sources) == (("sources",), new.sources)
