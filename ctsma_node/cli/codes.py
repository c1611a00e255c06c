"""`codes`: what a code in the log, in `status` or in a report means, and what to do about it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated

import typer
from rich.markup import escape

from ctsma_node.cli.terminal import USAGE, err, out, text_table


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Examples: [b]ctsma-node codes too_thick_slices[/b], [b]ctsma-node codes[/b]")(codes)


def codes(
    code: Annotated[str, typer.Argument(help="One code; without it, all of them.", show_default=False)] = "",
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As in the operations manual.")] = False,
) -> None:
    """Explain the codes of refusals, failures, marks and alarms."""
    from ctsma_node.codes import KINDS, all_codes, markdown

    found = [each for each in all_codes() if code in ("", each.code)]
    if not found:
        near = get_close_matches(code, [each.code for each in all_codes()], n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        err.print(f"[red]No such code[/red]: {escape(code)}{hint}")
        raise typer.Exit(USAGE)
    if as_markdown:
        out.out(markdown(found), end="", highlight=False)
        return
    if code:
        for each in found:
            out.print(f"[b]{each.code}[/b]  ({KINDS[each.kind].partition(':')[0]})", soft_wrap=True)
            out.print(f"{escape(each.meaning)}\n{escape(each.to_do)}", soft_wrap=True)
        return
    table = text_table("code", "where", "meaning", "what to do")
    table.columns[0].no_wrap = True
    for each in found:
        table.add_row(each.code, KINDS[each.kind].partition(":")[0], escape(each.meaning), escape(each.to_do))
    out.print(table)
