"""Knees of many people as label images for `ctsma-train evaluate shapes`, from a model of the lower limb.

`python -m benchmarks.legs articulated_ssm-0.2.0-py3-none-any.whl OUT` writes one image for each person:
femur 1, tibia 2, fibula 4; the model has no patella. It is of 327 people, children among them; only who has
an adult's knee is taken. Its bones are placed each by itself, so the tibia is brought to the femur here,
turned as it is. The package names no licence: fetch it yourself. Its shapes judge; nothing that is shipped is
trained on them.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_FOLDER = "articulated_ssm_both_sides/coupled_ssm/pel_fem_tib_fib_both_side/"
_PCA, _MEAN = "shape_model_right_side.pc.npz", "shape_model_right_side_mean.ply"
_NODES = "Coupled_SSM_node_nrs_per_bone_mesh_right.txt"
FEMUR, FIBULA, TIBIA = "Fem_R", "Fib_R", "Tib_R"
LABELS = {FIBULA: 4, TIBIA: 2, FEMUR: 1}

STEP = 0.8
"""mm between voxels."""
_EXTENT = (140.0, 130.0, 180.0)
"""mm of an image from side to side, front to back, and along the leg."""
_LEAST_LENGTH = 410.0
"""mm of a femur: an adult's."""
_WIDTHS = (70.0, 95.0)
"""mm of the condyles from side to side."""
_JOINT_SPACE = 5.0
"""mm between femur and tibia, both layers of cartilage, where they are nearest along the leg."""


@dataclass(frozen=True, eq=False)
class Model:
    """Mean (n, 3) and modes (3 n, m) of all nodes, weights (m, people), triangles (t, 3), nodes by bone."""

    mean: F64
    modes: F64
    weights: F64
    triangles: I64
    nodes: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, wheel: Path) -> Model:
        """The right side's, from the package's wheel."""
        with zipfile.ZipFile(wheel) as files:
            pca = np.load(io.BytesIO(files.read(_FOLDER + _PCA)))  # its other members are pickles: not read
            rows = [line.split() for line in files.read(_FOLDER + _NODES).decode().splitlines()]
            return cls(
                mean=pca["mean"].astype(np.float64).reshape(-1, 3),
                modes=pca["modes"].astype(np.float64),
                weights=pca["projectedWeights"].astype(np.float64),
                triangles=_triangles(files.read(_FOLDER + _MEAN).decode()),
                nodes={row[0]: (int(row[1]), int(row[2])) for row in rows if row},
            )

    def bones(self, person: int | None = None) -> dict[str, F64]:
        """Nodes (n, 3) of each bone of the knee, mm along L, P and S; of the mean without a person."""
        moved = 0.0 if person is None else (self.modes @ self.weights[:, person]).reshape(-1, 3)
        anterior, superior, right = (self.mean + moved).T
        lps = np.stack([-right, -anterior, superior], axis=1)
        return {bone: lps[slice(*self.nodes[bone])] for bone in LABELS}

    def faces(self, bone: str) -> I64:
        """Triangles (t, 3) of a bone, by its own nodes."""
        first, end = self.nodes[bone]
        return self.triangles[((self.triangles >= first) & (self.triangles < end)).all(axis=1)] - first

    def adults(self) -> list[int]:
        """The people with an adult's knee."""
        return [person for person in range(self.weights.shape[1]) if _is_adult(self.bones(person)[FEMUR])]


def _triangles(ply: str) -> I64:
    head, _, body = ply.partition("end_header")
    counts = {
        line.split()[1]: int(line.split()[2]) for line in head.splitlines() if line.startswith("element")
    }
    values = body.split()[3 * counts["vertex"] :]
    return np.array(values, dtype=np.int64).reshape(counts["face"], 4)[:, 1:]


def _is_adult(femur: F64) -> bool:
    width = np.ptp(_lower(femur, 40.0)[:, 0])
    return bool(np.ptp(femur[:, 2]) > _LEAST_LENGTH and _WIDTHS[0] < width < _WIDTHS[1])


def _lower(bone: F64, height: float) -> F64:
    return np.asarray(bone[bone[:, 2] < bone[:, 2].min() + height])


def _upper(bone: F64, height: float) -> F64:
    return np.asarray(bone[bone[:, 2] > bone[:, 2].max() - height])


def _middle(values: F64) -> F64:
    return np.asarray(np.percentile(values, [2.0, 98.0], axis=0).mean(axis=0))


def _offset(bones: dict[str, F64]) -> F64:
    """How far the plateau's middle lies from the condyles', mm along L and P."""
    return (_middle(_upper(bones[TIBIA], 15.0)) - _middle(_lower(bones[FEMUR], 25.0)))[:2]


def label_image(model: Model, person: int) -> sitk.Image:
    """The knee of a person: the plateau under the condyles as in the mean, a joint space below them."""
    bones = model.bones(person)
    size = [round(extent / STEP) for extent in _EXTENT]
    condyles = _middle(_lower(bones[FEMUR], 25.0))
    centre = np.array([*condyles[:2], bones[FEMUR][:, 2].min()])
    origin = centre - np.array(_EXTENT) / 2
    across = [0.0, _offset(model.bones())[1]] - _offset(bones)
    shift = np.array([*across, centre[2] - bones[TIBIA][:, 2].max() - 20.0])
    parts = {bone: nodes + (0.0 if bone == FEMUR else shift) for bone, nodes in bones.items()}
    inside = {bone: filled(nodes, model.faces(bone), origin, size) for bone, nodes in parts.items()}
    lift = _gap(inside[FEMUR], inside[TIBIA]) * STEP - _JOINT_SPACE
    for bone in (TIBIA, FIBULA):
        inside[bone] = filled(parts[bone] + [0.0, 0.0, lift], model.faces(bone), origin, size)
    labels = np.zeros(size[::-1], dtype=np.uint8)
    for bone, label in LABELS.items():
        labels[inside[bone]] = label
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing([STEP] * 3)
    image.SetOrigin(origin.tolist())
    return image


def _gap(femur: npt.NDArray[np.bool_], tibia: npt.NDArray[np.bool_]) -> int:
    """Voxels between them where they are nearest along the leg."""
    both = femur.any(axis=0) & tibia.any(axis=0)
    top = tibia.shape[0] - 1 - tibia[::-1].argmax(axis=0)
    return int((femur.argmax(axis=0) - top)[both].min())


def filled(nodes: F64, faces: I64, origin: F64, size: list[int]) -> npt.NDArray[np.bool_]:
    """Which voxels [k, j, i] lie in a closed surface: along each column every crossing turns in to out."""
    points = (nodes - origin) / STEP
    crossings = np.zeros((size[2] + 1, size[1], size[0]), dtype=np.int32)
    for triangle in points[faces]:
        columns = _columns(triangle, size)
        if len(columns):
            k = np.clip(np.ceil(columns[:, 2]), 0, size[2]).astype(int)
            np.add.at(crossings, (k, columns[:, 1].astype(int), columns[:, 0].astype(int)), 1)
    return np.asarray(np.cumsum(crossings, axis=0)[:-1] % 2 == 1)


def _columns(triangle: F64, size: list[int]) -> F64:
    """Columns (i, j) that a triangle is over, with its height there: (n, 3)."""
    low = np.maximum(np.ceil(triangle[:, :2].min(axis=0)), 0)
    high = np.minimum(np.floor(triangle[:, :2].max(axis=0)), np.array(size[:2]) - 1)
    i, j = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1), indexing="ij")
    at = np.stack([i.ravel(), j.ravel()], axis=1)
    a, b, c = triangle
    area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
    if area == 0.0:
        return np.zeros((0, 3))
    u = ((at[:, 0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (at[:, 1] - a[1])) / area
    v = ((b[0] - a[0]) * (at[:, 1] - a[1]) - (at[:, 0] - a[0]) * (b[1] - a[1])) / area
    over = (u >= 0) & (v >= 0) & (u + v <= 1)
    height = a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2])
    return np.asarray(np.column_stack([at, height])[over])


def _run() -> None:
    parser = argparse.ArgumentParser(description="Label images of knees from the articulated shape model.")
    parser.add_argument("wheel", type=Path, help="articulated_ssm-0.2.0-py3-none-any.whl, from PyPI")
    parser.add_argument("out", type=Path, help="folder for the images")
    parser.add_argument("--knees", type=int, default=24, help="people to take [24]")
    parser.add_argument("--seed", type=int, default=1, help="that draws them [1]")
    asked = parser.parse_args()
    model = Model.of(asked.wheel)
    adults = model.adults()
    asked.out.mkdir(parents=True, exist_ok=True)
    for person in np.random.default_rng(asked.seed).permutation(adults)[: asked.knees].tolist():
        sitk.WriteImage(label_image(model, person), str(asked.out / f"leg{person:03d}.nii.gz"))
        print(f"leg {person}, one of {len(adults)} adults of {model.weights.shape[1]} people")


if __name__ == "__main__":
    _run()
