"""The page: a README of tables and pictures, and the same as one HTML file that holds its pictures."""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

from trainer.evaluation.realism.summary import (
    Report,
    claim_table,
    grade_table,
    people_table,
    plain_table,
    range_table,
    repeat_table,
    seen_table,
)

README, HTML = "README.md", "index.html"

STYLE = (
    "body{font:14px/1.45 system-ui,sans-serif;max-width:1500px;margin:1em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;font-size:12px}"
    "td,th{border:1px solid #ccc;padding:2px 6px;text-align:left}"
    "img{max-width:100%}"
)


def readme(report: Report, knees: list[str]) -> str:
    """The page as Markdown; `knees` are the pictures of single knees beside it."""
    n = len(report.table["number"])
    pictures = "\n\n".join(f"![knee]({name})" for name in knees)
    return f"""# How real are the drawn knees?

{n} subjects of the paired cohort (`ctsma-train phantom`, difficulty {report.difficulty}), measured on
their DICOM files and on their truth by `ctsma-train realism`. Ranges were read in the abstracts cited; those
marked "from memory, unverified" were not. A verdict tells where the mean of the drawn knees lies, not
that each knee is real.

## Beside published ranges

{range_table(report.rows)}

![ranges](ranges.png)

## Beside published orders

Share: the part of the knees in which the order holds; of two groups, the probability that a knee of the one
exceeds a knee of the other.

{claim_table(report.claims)}

![by depth](depths.png)

## People

Everybody of the cohort as drawn, beside Table 1 of the paper. P: chi-square for counts, analysis of variance
for means. The second table is of the knees that were measured.

{people_table(report.people)}

{grade_table(report.table)}

![by grade](grades.png)

## Noise and texture

{plain_table(report.table)}

## Seen by MR

{report.labelled} knees at 200 subregions each, measured on the MR under true transforms and true labels
(`trainer.morphometry.labels`). Apparent values are no micro-CT equivalents; the calibration was
fitted on phantoms, so that its means agree by construction. How good labels are is the morphometry's own
table.

{seen_table(report.shown)}

## Test and retest

{report.retested} knees positioned and scanned anew by CT: means over 12 mm patches at 200 subregions each.
*Mapped*: about the very points of the bone. *Divided*: where the second visit's own division puts the
subregions. What MR labels repeat is the morphometry's own table. Published for MR in vivo, for scale: 2.9,
3.3, 2.3 and 1.1 % for app.BV/TV, Tb.Th, Tb.Sp and Tb.N at 7 T (Zuo et al. 2008, Magn Reson Imaging 26:
560-566).

{repeat_table(report.repeats)}

## Pictures

Thin CT (0.27 x 0.27 x 0.3 mm) and MR; outlines of femur and tibia are the truth's. The last two columns are
one plane of the medial tibia, carried from the MR into the CT by the truth's transform.

{pictures}
"""


def write_page(report: Report, knees: list[str], folder: Path) -> None:
    """README.md and index.html in `folder`, where the pictures are."""
    text = readme(report, knees)
    (folder / README).write_text(text, encoding="utf-8")
    body = "\n".join(_block(block, folder) for block in text.strip().split("\n\n"))
    head = f'<meta charset="utf-8"><title>Drawn knees</title><style>{STYLE}</style>'
    page = f'<!doctype html><html lang="en">{head}{body}</html>\n'
    (folder / HTML).write_text(page, encoding="utf-8")


def _block(block: str, folder: Path) -> str:
    """One paragraph, heading, table or picture of the README as HTML."""
    if heading := re.match(r"(#+) (.*)", block):
        level = len(heading[1])
        return f"<h{level}>{html.escape(heading[2])}</h{level}>"
    if picture := re.match(r"!\[(.*)\]\((.*)\)", block):
        content = base64.b64encode((folder / picture[2]).read_bytes()).decode()
        return f'<img alt="{html.escape(picture[1])}" src="data:image/png;base64,{content}">'
    if block.startswith("|"):
        first, _, *rest = block.splitlines()
        return f"<table>{_row(first, 'th')}{''.join(_row(line, 'td') for line in rest)}</table>"
    return f"<p>{html.escape(block)}</p>"


def _row(line: str, cell: str) -> str:
    cells = (html.escape(text.strip()) for text in line.strip("|").split("|"))
    return f"<tr>{''.join(f'<{cell}>{text}</{cell}>' for text in cells)}</tr>"
