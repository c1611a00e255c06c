"""A pair through all of the paper's steps: CT, crMR, sCT by each method, the MR after, and both in one."""

from __future__ import annotations

from pathlib import Path

from ctsma_node.analysis.grid import SIZE, resample
from trainer.evaluation.registration.methods import ANTS, TEXTURE
from trainer.mr import MRVolume
from trainer.patches.transforms import Transforms
from trainer.registration.knee import CTKnee
from trainer.registration.picture import U8, Column, grey_hu, grey_mr, in_turn, page
from trainer.synthesis.refined import ByWayOfCT


def write_picture(
    knee: CTKnee, mr: MRVolume, found: dict[str, Transforms], ways: dict[str, ByWayOfCT], path: Path
) -> None:
    """The order is the paper's Figure 5, then Figure 6's: before and after, and the overlay."""
    ct, after = grey_hu(knee.hu), grey_mr(knee, mr, found[TEXTURE])
    columns = [
        Column("CT", ct, outlined=False),
        *(Column(f"sCT, {name}", _on_grid(knee, way)) for name, way in ways.items()),
        Column(f"MR before: {ANTS} (crMR)", grey_mr(knee, mr, found[ANTS])),
        Column("MR after: bone by bone", after),
        Column("CT and MR in turn", in_turn(ct, after), outlined=False),
    ]
    page(knee, columns, "outlines: femur and tibia of the CT").save(path)


def _on_grid(knee: CTKnee, way: ByWayOfCT) -> U8:
    return grey_hu(resample(way.sct, knee.affine, SIZE)[0])
