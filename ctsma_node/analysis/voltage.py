"""What another tube voltage than the training's does to bone."""

from __future__ import annotations

from ctsma_node.analysis.result import Mark

_TRAINED = 120.0
"""kV that the drawn CTs stand for."""
_USUAL = (110.0, 130.0)
"""kV within which bone differs by less than it does from one knee to the next."""


def voltage_marks(kv: float | None) -> tuple[Mark, ...]:
    """Marks a CT of another tube voltage: the lower it is, the denser is mineral in HU; soft tissue is not.

    Bone that is 35 % denser, as at about 80 kV, was measured with trabeculae 27 % thicker. A voltage that is
    not known (None) is not marked.
    """
    if kv is None or _USUAL[0] <= kv <= _USUAL[1]:
        return ()
    text = f"the tube voltage was {kv:.0f} kV, that of the training {_TRAINED:.0f}: "
    bias = "bone seems denser and thicker" if kv < _TRAINED else "bone seems less dense and thinner"
    return (Mark("other_tube_voltage", f"{text}{bias} than it is"),)
