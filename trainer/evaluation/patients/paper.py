"""Tables 6 and 7 of the paper: mean and SD over five folds."""

from __future__ import annotations

_ROWS = ("precision", "recall", "f1", "auc", "mae", "r2")


def _column(*values: tuple[float, float]) -> dict[str, tuple[float, float]]:
    return dict(zip(_ROWS, values, strict=True))


PAPER: dict[str, dict[str, tuple[float, float]]] = {
    "radiomics (CT), transformer": _column(
        (0.689, 0.078), (0.773, 0.045), (0.738, 0.057), (0.742, 0.032), (1.438, 0.153), (0.723, 0.129)
    ),
    "CNN (CT), transformer": _column(
        (0.745, 0.041), (0.794, 0.047), (0.763, 0.040), (0.778, 0.044), (1.059, 0.072), (0.790, 0.064)
    ),
    "CT-SMA (CT), transformer": _column(
        (0.863, 0.053), (0.903, 0.068), (0.879, 0.056), (0.883, 0.029), (0.893, 0.041), (0.881, 0.037)
    ),
    "CNN (MR), transformer": _column(
        (0.887, 0.061), (0.935, 0.037), (0.910, 0.044), (0.914, 0.048), (0.876, 0.038), (0.903, 0.030)
    ),
    "CT-SMA (CT), CNN": _column(
        (0.846, 0.051), (0.899, 0.065), (0.868, 0.050), (0.872, 0.033), (0.945, 0.052), (0.866, 0.044)
    ),
    "CT-SMA (CT), MLP": _column(
        (0.843, 0.058), (0.836, 0.074), (0.844, 0.067), (0.742, 0.032), (1.076, 0.146), (0.837, 0.062)
    ),
}
"""The AUC of the MLP is that of radiomics, SD and all: a slip of the table."""
