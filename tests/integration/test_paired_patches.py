"""One drawn pair through the door a hospital's uses: archive, cohort, node's analysis, labels on the MR."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone
from trainer.cohort.request import CohortRequest
from trainer.cohort.stage import run as read_cohort
from trainer.patches.labelling import Sampling
from trainer.patches.stage import PatchRequest, run
from trainer.patches.store import STORE, PatchStore
from trainer.phantom.difficulty import DIFFICULTIES
from trainer.phantom.pair import write_pair
from trainer.phantom.person import draw_people
from trainer.phantom.subject import Subject, draw_subject
from trainer.phantom.truth import patch_parameters

CORRELATION = {"BV/TV": 0.9, "Tb.Th": 0.85, "Tb.Sp": 0.8, "Tb.N": 0.8}
"""Within one knee, where the parameters vary least; over a cohort they are higher."""


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A left knee, its CT thinned out to be quick: every third slice of the paper's protocol."""
    person = next(one for one in draw_people(80, 3) if one.side.value == "L")
    drawn = draw_subject(person, 300_009, DIFFICULTIES["standard"])
    thin = replace(drawn.ct_acquisition, rows=256, columns=256, increment=0.9, slices=134)
    return replace(drawn, ct_acquisition=thin)


@pytest.fixture(scope="module")
def store(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    root = tmp_path_factory.mktemp("pair")
    name = subject.person.patient_id
    write_pair(subject, root / "archive" / name, root / "truth" / name)
    manifest = read_cohort(CohortRequest(root / "archive", root / "cohort", keep_ids=True, jobs=1))
    assert [pair.pair_id for pair in manifest.pairs] == [f"{name}-L"]
    sampling = Sampling(drawn=20)
    request = PatchRequest(
        root / "archive",
        root / "cohort",
        root / "truth",
        root / "patches",
        jobs=1,
        sampling=sampling,
    )
    ended = list(run(request))
    assert [done.code for done in ended] == [""], json.dumps([done.text for done in ended])
    return PatchStore(request.out / STORE)


def test_labels_agree_with_the_truth_of_the_same_place(subject: Subject, store: PatchStore) -> None:
    found = store.read(store.pairs[0], ["label", "lps", "bone"])
    truth = np.full(found["label"].shape, np.nan)
    for number, bone in enumerate(Bone):
        of_bone = found["bone"] == number
        truth[of_bone] = patch_parameters(subject.ct_knee, bone, found["lps"][of_bone])
    both = np.isfinite(found["label"]).all(axis=1) & np.isfinite(truth).all(axis=1)
    assert both.mean() > 0.95
    for column, (name, least) in enumerate(CORRELATION.items()):
        label, true = found["label"][both, column], truth[both, column]
        assert np.corrcoef(label, true)[0, 1] > least, name
        assert abs(label.mean() / true.mean() - 1.0) < 0.12, name


def test_mr_patches_show_what_the_ct_patches_show(store: PatchStore) -> None:
    """Where CT is dense, MR is dark: patch by patch, so that a swapped axis or side would be seen."""
    found = store.read(store.pairs[0], ["ct", "ct_mask", "mr", "mr_marrow"])
    inside = found["ct_mask"].all(axis=(1, 2, 3))
    assert inside.sum() > 60
    hu = found["ct"][inside].astype(np.float64)
    share = found["mr"][inside] / found["mr_marrow"][inside][:, None, None, None]
    assert np.corrcoef(hu.mean(axis=(1, 2, 3)), share.mean(axis=(1, 2, 3)))[0, 1] < -0.9
    # Halves of a patch along each axis: the denser one in CT is the darker one in MR.
    for axis in (1, 2, 3):
        dense, dark = (_halves(volume, axis) for volume in (hu, share))
        assert np.corrcoef(dense, dark)[0, 1] < -0.6, axis


def _halves(volume: np.ndarray[tuple[int, ...], np.dtype[np.float64]], axis: int) -> list[float]:
    first, second = np.split(volume, 2, axis=axis)
    return list(first.mean(axis=(1, 2, 3)) - second.mean(axis=(1, 2, 3)))


def test_a_patch_knows_where_it_came_from(subject: Subject, store: PatchStore) -> None:
    attributes = store.attributes(store.pairs[0])
    for bone in Bone:
        np.testing.assert_allclose(attributes["ct_to_mr"][bone.value], subject.ct_to_mr(bone), atol=1e-9)
    assert attributes["side"] == "L"
    assert len(attributes["bundle_digest"]) == 64
