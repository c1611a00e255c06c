"""Results as tables: for the terminal, and for a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path

from rich.table import Table

from ctsma_node.analysis.result import UNITS, AnalysisResult, Parameter
from ctsma_node.report.texts import probability


def knee_table(result: AnalysisResult) -> Table:
    """Mean and standard deviation over the subregions of each bone, and what was concluded of each knee."""
    table = Table(title=None, caption="Research use only. Mean ± SD over the subregions of a bone.")
    for heading in ("knee", "bone", *(_heading(p) for p in Parameter), "class", "P(OA)"):
        is_text = heading in ("knee", "bone", "class")
        table.add_column(heading, justify="left" if is_text else "right", overflow="fold")
    for knee in result.knees:
        for number, bone in enumerate(knee.bones):
            values = [f"{bone.mean[p]:.3f} ± {bone.sd[p]:.3f}" for p in Parameter]
            concluded = (knee.oa_class.value, probability(knee.oa_probability)) if number == 0 else ("", "")
            table.add_row(knee.side.value, bone.bone.value, *values, *concluded)
    for missed in result.not_analysed:
        side = "?" if missed.side is None else missed.side.value
        table.add_row(side, "not analysed", *[""] * len(Parameter), missed.code, "")
    return table


def write_measurements(result: AnalysisResult, path: Path) -> Path:
    """One row for each subregion: place, volume, and each parameter with its uncertainty."""
    names = [f"{p.value} [{UNITS[p]}]" for p in Parameter]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        columns = [column for name in names for column in (name, f"sd {name}")]
        rows.writerow(["side", "subregion", "bone", "x_mm", "y_mm", "z_mm", "volume_mm3", *columns, "marks"])
        for knee in result.knees:
            for subregion in knee.subregions:
                figures = [
                    f"{figure:.5g}"
                    for p in Parameter
                    for figure in (subregion.values[p].value, subregion.values[p].sd)
                ]
                place = [f"{coordinate:.2f}" for coordinate in (*subregion.centre, subregion.volume)]
                marks = " ".join(mark.code for mark in subregion.marks)
                rows.writerow([knee.side, subregion.name, subregion.bone, *place, *figures, marks])
    return path


def _heading(parameter: Parameter) -> str:
    unit = UNITS[parameter]
    return parameter.value if unit == "1" else f"{parameter.value} [{unit}]".replace("[", r"\[")
