"""What is published of knees, for comparison. A figure that was not read in its source is marked as such."""

from __future__ import annotations

from dataclasses import dataclass

from ctsma_node.analysis.result import Bone, OAClass

RAPAGNA = (
    "Rapagna et al. 2021, J Orthop Res 39: 1988-1999, doi 10.1002/jor.24914 (micro-CT, 40 tibial plateaus)"
)
PATEL = "Patel et al. 2003, J Orthop Res 21: 6-13, PMID 12507574 (micro-CT, cadaver knees)"
SHIRAISHI = "Shiraishi et al. 2020, Bone, doi 10.1016/j.bone.2019.115155 (HR-pQCT in vivo, 20 women)"
HEALTHY_JOINTS = "BMC Musculoskelet Disord 2008; 9: 119 (radiographs, 119 healthy people, mean ± SD)"
BFFE = "BMC Musculoskelet Disord 2017, doi 10.1186/s12891-017-1865-x (3 T BFFE, 80 subjects)"
GOODPASTER = (
    "Goodpaster et al. 2000, J Appl Physiol 89: 104-110 (mid-thigh; means of obese and of lean adults)"
)
POP = "Pop and Mărușteri 2023, Diagnostics 13: 1913 (95 % reference interval of abdominal fat)"
PROTOCOL = "the paper's supplement (protocol)"
MEMORY = "from memory, unverified"

WORN = "worn compartment"
"""A key of this form is read in the compartment whose joint space is the smaller."""


@dataclass(frozen=True)
class Published:
    """A range that the mean of the drawn knees of `classes` should lie in; `keys` averaged for each."""

    figure: str
    keys: tuple[str, ...]
    low: float
    high: float
    unit: str
    source: str
    classes: tuple[OAClass, ...] = tuple(OAClass)
    women: bool | None = None  # None: both


@dataclass(frozen=True)
class Direction:
    """Published: `more` exceeds `less` within the knees of `classes`."""

    claim: str
    more: tuple[str, ...]
    less: tuple[str, ...]
    source: str
    classes: tuple[OAClass, ...] = tuple(OAClass)


@dataclass(frozen=True)
class Contrast:
    """Published: the knees of `higher` exceed those of `lower` in the mean of `keys`."""

    claim: str
    keys: tuple[str, ...]
    higher: OAClass
    lower: OAClass
    source: str


def first_6_mm(parameter: str, bone: Bone, compartment: str) -> tuple[str, ...]:
    """Keys of the first 6 mm under the subchondral plate."""
    return tuple(f"{parameter} {bone} {compartment} {depth} mm" for depth in ("0-3", "3-6"))
