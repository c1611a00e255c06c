"""The report: every table above the pictures of its step, with the command that made them."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from pathlib import Path

from trainer.reproduce.record import Record
from trainer.reproduce.step import Step
from trainer.reproduce.tables import text_of

FILE = "report.html"
_MOST = 12
"""Pictures of a step."""
_STYLE = (
    "body{font:14px/1.45 system-ui,sans-serif;max-width:1700px;margin:1em auto;padding:0 1em;color:#222}"
    "pre{font:11px/1.3 monospace;overflow-x:auto}code{background:#f2f2f2;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;font-size:12px}"
    "td,th{border:1px solid #ccc;padding:2px 6px;text-align:left}"
    "img{max-width:100%}.note{color:#a40000;font-weight:bold}"
)


def write_page(steps: Sequence[Step], record: Record, note: str) -> Path:
    """Write report.html into the record's folder; its pictures are named relative to it."""
    title = f"The paper's method on {record.content.subjects} drawn knees"
    warning = _note(note)
    shown = [step for step in steps if step.tables or step.shown()]
    body = [f"<h1>{title}</h1>", warning, _steps(steps, record)]
    body += [_section(step, record.folder, warning) for step in shown]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    path = record.folder / FILE
    text = f'<!doctype html><html lang="en">{head}{"".join(body)}</html>\n'
    path.write_text(text, encoding="utf-8")
    return path


def _note(note: str) -> str:
    return f'<p class="note">{html.escape(note)}</p>' if note else ""


def _section(step: Step, folder: Path, warning: str) -> str:
    text = f"<pre>{html.escape(text_of(step))}</pre>" if step.tables else ""
    pictures = "".join(_picture(path, folder) for path in step.shown()[:_MOST])
    return (
        f"<h2>{html.escape(step.purpose)}</h2>{warning if step.tables else ''}"
        f"<p><code>{html.escape(step.command)}</code></p>"
        f"{text}{pictures}"
    )


def _picture(path: Path, folder: Path) -> str:
    name = html.escape(Path(os.path.relpath(path, folder)).as_posix())
    return f'<p>{name}<br><a href="{name}"><img alt="{name}" src="{name}"></a></p>'


def _steps(steps: Sequence[Step], record: Record) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("", "step", "seconds", "exit code", "command"))
    rows = "".join(_row(number, step, record) for number, step in enumerate(steps, start=1))
    return f"<table><tr>{head}</tr>{rows}</table>"


def _row(number: int, step: Step, record: Record) -> str:
    entry = record.of_step(step)
    told = ("", "") if entry is None else (f"{entry.seconds:.0f}", str(entry.exit_code))
    cells = (str(number), step.name, *told, step.command)
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
