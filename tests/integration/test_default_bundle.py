"""The bundle that ships, on synthetic scans of unseen seeds: what it finds, measures and refuses.

Scans are drawn as small as the question allows. Bones have the same outline with and without texture; only
what is measured needs the texture, and one finely sampled scan serves all of that.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.transform import Rotation

from ctsma_node.analysis.coarse import PATELLA
from ctsma_node.analysis.grid import AIR, SIZE
from ctsma_node.analysis.patches import overlap
from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import AnalysisResult, Bone, KneeResult, Parameter, Side
from ctsma_node.errors import Refused
from ctsma_node.volume import CTVolume, apply
from tests.fixtures.stacks import centred, cut, resampled, rewritten, thinned
from trainer.phantom.ct import label_on, render_on
from trainer.phantom.other import KINDS, draw_other
from trainer.phantom.scene import Scene, draw_scene
from trainer.segmentation.training import dice

F64 = npt.NDArray[np.float64]
RIGHT, LEFT, BOTH = 970_001, 970_002, 970_003
"""Seeds; the model card names those of the training, from 100 000 on."""
EXCHANGED = 985_010
"""Two knees that are taken for small patellae at their back."""
OBLIQUE = Rotation.from_rotvec(np.deg2rad([10.0, -12.0, 8.0])).as_matrix()


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    return Analyser.load()


@pytest.fixture(scope="module")
def right() -> Scene:
    return draw_scene(RIGHT, (Side.RIGHT,))


@pytest.fixture(scope="module")
def fine(right: Scene) -> CTVolume:
    """A right knee, 165 x 165 x 150 mm, cubic voxels of 0.5 mm, 30 HU of noise, whole HU."""
    size = (330, 330, 300)
    affine = centred(right.centre, size, 0.5)
    volume = render_on(right, affine, size, fwhm=0.9, slice_fwhm=0.75, noise_hu=30.0, seed=1)
    np.rint(volume.hu, out=volume.hu)
    return volume


@pytest.fixture(scope="module")
def straight(fine: CTVolume, analyser: Analyser) -> KneeResult:
    (knee,) = analyser.analyse(fine).knees
    return knee


def outlines(scene: Scene, size: tuple[int, int, int], spacing: float, metal: bool = False) -> CTVolume:
    """The bones without their texture."""
    affine = centred(scene.centre, size, spacing)
    return render_on(scene, affine, size, noise_hu=30.0, seed=scene.seed, textured=False, metal=metal)


def assert_bones(knee: KneeResult, scene: Scene) -> None:
    """The side is right, and femur and tibia overlap with the truth by 0.95 where it was scanned."""
    middle = apply(knee.affine, (np.array(SIZE) - 1) / 2.0)
    nearest = int(np.argmin([np.linalg.norm(each.placement[:3, 3] - middle) for each in scene.knees]))
    assert knee.side is scene.knees[nearest].side
    truth = label_on(scene, knee.affine, SIZE, knee=nearest) * (knee.hu > AIR)
    assert min(dice(knee.bone_labels, truth)[:2]) >= 0.95


def table(knee: KneeResult) -> F64:
    """(200, 4): the values of each subregion."""
    return np.array([[each.values[p].value for p in Parameter] for each in knee.subregions])


def contents(result: AnalysisResult) -> list[bytes | str]:
    """Everything of a result but the time it took."""
    arrays = [
        array.tobytes()
        for knee in result.knees
        for array in (knee.hu, knee.affine, knee.bone_labels, knee.subregion_labels)
    ]
    numbers = [
        repr((knee.side, knee.subregions, knee.bones, knee.class_probabilities, knee.cartilage, knee.marks))
        + repr(knee.explanation)
        for knee in result.knees
    ]
    return [*arrays, *numbers, repr(result.not_analysed), result.bundle_digest]


def test_a_right_knee_alone(straight: KneeResult, right: Scene) -> None:
    assert_bones(straight, right)


def test_a_left_knee_alone(analyser: Analyser) -> None:
    scene = draw_scene(LEFT, (Side.LEFT,))
    (knee,) = analyser.analyse(outlines(scene, (90, 90, 80), 1.7)).knees
    assert_bones(knee, scene)


def test_both_knees_of_a_field(analyser: Analyser) -> None:
    scene = draw_scene(BOTH, (Side.RIGHT, Side.LEFT))
    result = analyser.analyse(outlines(scene, (190, 84, 78), 1.8))
    assert result.not_analysed == ()
    assert [knee.side for knee in result.knees] == [Side.RIGHT, Side.LEFT]
    for knee in result.knees:
        assert_bones(knee, scene)


def test_the_same_scan_gives_the_same_bytes(fine: CTVolume, analyser: Analyser) -> None:
    """Also when the bundle is read anew."""
    volume = thinned(fine, 2)
    assert contents(analyser.analyse(volume)) == contents(Analyser.load().analyse(volume))


@pytest.mark.parametrize(
    ("order", "reverse"),
    [
        pytest.param((0, 1, 2), (True, False, False), id="mirrored"),
        pytest.param((0, 1, 2), (False, False, True), id="reversed"),
        pytest.param((1, 2, 0), (False, True, True), id="sagittal"),
        pytest.param((0, 2, 1), (False, True, False), id="coronal"),
    ],
)
def test_the_order_of_the_voxels_does_not_matter(
    order: tuple[int, int, int],
    reverse: tuple[bool, bool, bool],
    fine: CTVolume,
    straight: KneeResult,
    analyser: Analyser,
) -> None:
    (knee,) = analyser.analyse(rewritten(fine, order, reverse)).knees
    assert knee.side is straight.side
    np.testing.assert_allclose(table(knee), table(straight), rtol=1e-3)


@pytest.mark.parametrize(
    ("axes", "spacing", "size"),
    [
        pytest.param(OBLIQUE, (0.5, 0.5, 0.5), (330, 330, 300), id="oblique"),
        pytest.param(np.eye(3), (0.4, 0.4, 0.8), (400, 400, 185), id="anisotropic"),
    ],
)
def test_every_subregion_keeps_its_values_in_another_stack(
    axes: F64,
    spacing: tuple[float, float, float],
    size: tuple[int, int, int],
    right: Scene,
    fine: CTVolume,
    straight: KneeResult,
    analyser: Analyser,
) -> None:
    volume = resampled(fine, centred(right.centre, size, spacing, axes), size)
    (knee,) = analyser.analyse(volume).knees
    np.testing.assert_allclose(table(knee), table(straight), rtol=0.02)


def test_a_mirrored_knee_has_the_same_numbers_at_the_same_places(
    fine: CTVolume, straight: KneeResult, analyser: Analyser
) -> None:
    """As a left knee: only the lattice of the grid falls otherwise on it."""
    across = np.diag([-1.0, 1.0, 1.0, 1.0])
    (knee,) = analyser.analyse(CTVolume(fine.hu, across @ fine.affine)).knees
    assert (straight.side, knee.side) == (Side.RIGHT, Side.LEFT)
    there, here = (np.array([s.centre for s in each.subregions]) for each in (straight, knee))
    apart = np.linalg.norm(there * [-1.0, 1.0, 1.0] - here, axis=1)
    assert apart.mean() < 0.5
    assert apart.max() < 2.0
    assert np.median(np.abs(table(knee) / table(straight) - 1.0)) < 0.01
    assert knee.oa_probability == pytest.approx(straight.oa_probability, abs=0.02)


def test_the_patches_of_two_subregions_share_less_than_half(straight: KneeResult) -> None:
    """The paper's condition (section 4.5), and how even the subregions are."""
    centres = np.array([subregion.centre for subregion in straight.subregions])
    to_index = np.linalg.inv(straight.affine).astype(np.float64)
    shared = np.triu(overlap(apply(to_index, centres)), 1)
    assert shared.max() < 0.4
    assert shared[:100, 100:].max() == 0.0
    for bone in Bone:
        volumes = np.array([each.volume for each in straight.subregions if each.bone is bone])
        assert volumes.std() / volumes.mean() < 0.2
        assert volumes.min() > 0.5 * volumes.mean()
    assert "patches_overlap" not in {mark.code for mark in straight.marks}


def refusal(analyser: Analyser, volume: CTVolume) -> str:
    with pytest.raises(Refused) as refused:
        analyser.analyse(volume)
    return refused.value.code


def test_a_knee_whose_front_and_back_are_exchanged_is_refused(analyser: Analyser, right: Scene) -> None:
    """As where a patient lay prone and was entered as supine; a scan without the patella is not."""
    volume = outlines(right, (100, 100, 85), 1.7)
    half_turn = np.diag([-1.0, -1.0, 1.0, 1.0])
    assert refusal(analyser, CTVolume(volume.hu, half_turn @ volume.affine)) == "side_unknown"
    knee = analyser.analyse(volume).knees[0]
    patella = apply(knee.affine, np.argwhere(knee.bone_labels == PATELLA)[:, ::-1].astype(np.float64))
    k, j, i = np.indices(volume.hu.shape)
    behind = volume.to_lps(np.stack([i, j, k], axis=-1))[..., 1] > patella[:, 1].max() + 2.0
    without = CTVolume(np.where(behind, volume.hu, AIR).astype(np.float32), volume.affine)
    assert analyser.analyse(without).knees[0].side is Side.RIGHT


@pytest.mark.parametrize("kind", KINDS)
def test_other_anatomy_is_refused(kind: str, analyser: Analyser) -> None:
    size = (110, 80, 76)
    volume = render_on(draw_other(1, kind), centred((0, 0, 0), size, 3.0), size, noise_hu=30.0, seed=1)
    assert refusal(analyser, volume) in {"no_knee", "knee_cut_off", "bones_not_credible"}


@pytest.mark.parametrize(
    ("axis", "low", "high"),
    [
        pytest.param(2, -75.0, 30.0, id="femur above the condyles"),
        pytest.param(2, -75.0, 15.0, id="femur within the condyles"),
        pytest.param(2, -75.0, 0.0, id="femur at the joint"),
        pytest.param(2, -25.0, 75.0, id="tibia"),
        pytest.param(2, 10.0, 75.0, id="all of the tibia"),
        pytest.param(0, -85.0, 15.0, id="left half"),
        pytest.param(1, -85.0, 15.0, id="posterior half"),
    ],
)
def test_a_knee_cut_by_the_field_is_refused(
    axis: int, low: float, high: float, right: Scene, fine: CTVolume, analyser: Analyser
) -> None:
    volume = cut(thinned(fine, 2), axis, right.centre[axis] + low, right.centre[axis] + high)
    assert refusal(analyser, volume) == "knee_cut_off"


@pytest.mark.parametrize(("beside", "is_cut"), [(20.0, False), (45.0, True)])
def test_a_knee_cut_by_the_circle_of_reconstruction_is_refused(
    beside: float, is_cut: bool, right: Scene, fine: CTVolume, analyser: Analyser
) -> None:
    """What lies outside it is air by its values."""
    volume = thinned(fine, 2)
    k, j, i = np.indices(volume.hu.shape)
    place = volume.to_lps(np.stack([i, j, k], axis=-1))
    away = np.hypot(place[..., 0] - right.centre[0] - beside, place[..., 1] - right.centre[1])
    circle = CTVolume(np.where(away > 75.0, AIR, volume.hu).astype(np.float32), volume.affine)
    if is_cut:
        assert refusal(analyser, circle) == "knee_cut_off"
    else:
        assert len(analyser.analyse(circle).knees) == 1


def test_two_knees_whose_front_and_back_are_exchanged_are_refused(analyser: Analyser) -> None:
    """The false patellae of both together have the volume of a true one."""
    scene = draw_scene(EXCHANGED, (Side.RIGHT, Side.LEFT))
    size = (130, 80, 80)
    volume = render_on(
        scene, centred(scene.centre, size, 3.0), size, noise_hu=15.0, seed=EXCHANGED, textured=False
    )
    half_turn = np.diag([-1.0, -1.0, 1.0, 1.0])
    assert refusal(analyser, CTVolume(volume.hu, half_turn @ volume.affine)) == "side_unknown"


@pytest.mark.parametrize("degrees", [-60.0, -45.0, 45.0])
def test_a_leg_that_is_turned_keeps_its_side(
    degrees: float, right: Scene, fine: CTVolume, analyser: Analyser
) -> None:
    a = np.radians(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    turn[:3, 3] = right.centre - turn[:3, :3] @ right.centre
    volume = thinned(fine, 2)
    assert [k.side for k in analyser.analyse(CTVolume(volume.hu, turn @ volume.affine)).knees] == [Side.RIGHT]


def test_an_implant_is_refused(right: Scene, analyser: Analyser) -> None:
    assert refusal(analyser, outlines(right, (90, 90, 80), 1.7, metal=True)) == "metal_implant"
