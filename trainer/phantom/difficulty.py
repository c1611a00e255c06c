"""How hard a cohort is: dose, noise, coils and the overlap of the classes, as named settings.

The settings are chosen so that the MR reference is good but not perfect; no setting is tuned by how one of
the project's methods fares. Every range is drawn from uniformly (noise: log-uniformly) for each subject.
"""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Difficulty:
    """Ranges that a subject's scans are drawn from."""

    ct_noise_hu: Range  # in a 1 mm pixel of a 1 mm slice
    ct_fwhm: Range  # of the sharp kernel, mm
    mr_snr: Range
    mr_bias: Range
    mr_gain: Range
    mr_dephasing: Range
    severity_noise: float  # how far a knee's severity strays from its grade: the overlap of the classes


DIFFICULTIES: dict[str, Difficulty] = {
    # Floors: what the methods can do at best.
    "easy": Difficulty(
        ct_noise_hu=(20.0, 35.0),
        ct_fwhm=(0.6, 0.7),
        mr_snr=(16.0, 22.0),
        mr_bias=(0.02, 0.08),
        mr_gain=(1.0, 1.0),
        mr_dephasing=(1.2, 1.2),
        severity_noise=0.06,
    ),
    "standard": Difficulty(
        ct_noise_hu=(25.0, 60.0),
        ct_fwhm=(0.6, 0.8),
        mr_snr=(10.0, 18.0),
        mr_bias=(0.08, 0.25),
        mr_gain=(0.85, 1.15),
        mr_dephasing=(1.15, 1.35),
        severity_noise=0.13,
    ),
    "hard": Difficulty(
        ct_noise_hu=(40.0, 120.0),
        ct_fwhm=(0.65, 1.2),
        mr_snr=(5.0, 12.0),
        mr_bias=(0.2, 0.4),
        mr_gain=(0.7, 1.3),
        mr_dephasing=(1.0, 1.6),
        severity_noise=0.2,
    ),
}
