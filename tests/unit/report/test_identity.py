from __future__ import annotations

import uuid

import pytest
from pydicom.uid import UID

from ctsma_node.report import NodeIdentity
from ctsma_node.report.identity import IMPLEMENTATION_CLASS_UID, uid_from, uid_space

NODE = NodeIdentity("maker", "model", "1.0", "s1")
ARGUMENTS: dict[str, object] = {
    "series_uid": "1.2.3",
    "source_uids": ["1.2.3.1", "1.2.3.2"],
    "node": NODE,
    "bundle_digest": "ab",
    "templates_digest": "cd",
    "revision": 1,
}


def space(**changes: object) -> str:
    return uid_space(**{**ARGUMENTS, **changes}).uid("sr")  # type: ignore[arg-type]


def test_the_same_input_gives_the_same_uid_in_any_order_of_instances() -> None:
    assert space() == space(source_uids=["1.2.3.2", "1.2.3.1"])


@pytest.mark.parametrize(
    "change",
    [
        {"series_uid": "1.2.4"},
        {"source_uids": ["1.2.3.1", "1.2.3.2", "1.2.3.3"]},
        {"node": NodeIdentity("maker", "model", "1.1", "s1")},
        {"node": NodeIdentity("maker", "model", "1.0", "s1", "a hospital")},
        {"bundle_digest": "ac"},
        {"templates_digest": "ce"},
        {"revision": 2},
    ],
)
def test_whatever_decides_the_content_decides_the_uid(change: dict[str, object]) -> None:
    assert space(**change) != space()


def test_roles_and_knees_have_uids_of_their_own() -> None:
    uids = uid_space(**ARGUMENTS)  # type: ignore[arg-type]
    made = {u.uid(role) for u in (uids, uids.within("L"), uids.within("R")) for role in ("sr", "seg")}
    assert len(made) == 6


@pytest.mark.parametrize("role", [str(n) for n in range(50)])
def test_uids_are_version_5_uuids(role: str) -> None:
    uid = UID(uid_from(role))
    assert uid.is_valid
    assert len(uid) <= 64
    made = uuid.UUID(int=int(uid.removeprefix("2.25.")))
    assert (made.version, made.variant) == (5, uuid.RFC_4122)


def test_the_implementation_has_a_valid_uid() -> None:
    assert UID(IMPLEMENTATION_CLASS_UID).is_valid


@pytest.mark.parametrize("bad", ["", "x" * 65, "a\\b"])
def test_a_device_without_a_valid_identity_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        NodeIdentity("maker", bad, "1.0", "s1")
