"""The report as an SVG picture, for light and dark pages, without foreign requests."""

import re
from dataclasses import replace
from html import unescape
from io import StringIO
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console
from rich.terminal_theme import TerminalTheme

from page_tracker.commands.columns import EIGHTHS
from page_tracker.commands.report_layout import Report, print_report

WIDTH = 100
"""Columns. A picture of them is legible at the width of a README."""

ANSI = [(0, 0, 0)] * 8
"""The colours of a terminal's palette, which the report does not use."""

LIGHT = TerminalTheme((255, 255, 255), (31, 35, 40), ANSI)
DARK = TerminalTheme((13, 17, 23), (230, 237, 243), ANSI)
"""Background and text. They are those of GitHub's pages."""

MARGIN = 4
"""Columns to the left and to the right together."""

BRIGHTER = {
    "#008700": "#3fb950",
    "#d70000": "#f85149",
    "#005faf": "#1f6feb",
    "#5f87d7": "#79b8ff",
}
"""Colours of the report, and the brighter ones that a dark page has instead."""

NAME = "report"
"""Prefix of the classes and identifiers in the picture."""

TEXT = re.compile(r'textLength="[^"]*"([^>]*)>([^<]*)<')

COLUMN = re.compile(
    r'<text (class="[^"]*") x="([^"]*)" y="([^"]*)"[^>]*>([▁▂▃▄▅▆▇█]+)</text>'
)

# These are in units of the picture, as rich draws cells and their backgrounds.
WIDTH_OF_CELL = 12.2
HEIGHT_OF_CELL = 24.65
TOP_OF_CELL = -18.5
"""The top of a background, from the line on which its text stands."""

# The template of rich loads a font from another server, and draws a window's buttons.
TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" \
aria-label="A report of Page Tracker">
<style>
.report-page {{ fill: #ffffff; stroke: #d1d9e0; }}
.report-matrix {{ font: 21.5px ui-monospace, SFMono-Regular, \
Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace; white-space: pre; }}
{styles}
@media (prefers-color-scheme: dark) {{
.report-page {{ fill: #0d1117; stroke: #3d444d; }}
DARK-STYLES
}}
</style>
<defs>{lines}</defs>
<rect class="report-page" x="0.5" y="0.5" width="{width}" height="{height}" rx="8"/>
<g class="report-matrix" transform="translate(32, 20)">{backgrounds}{matrix}</g>
</svg>
"""


def picture_of(made: Report) -> str:
    """Return the text of an SVG file that shows a report."""
    console = Console(
        record=True,
        file=StringIO(),
        width=WIDTH,
        color_system="truecolor",
        force_terminal=True,
        no_color=False,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    # The address of Redis is nothing for a page that others see.
    print_report(replace(made, where=""), console)
    console.width += MARGIN
    picture = console.export_svg(
        theme=LIGHT, code_format=TEMPLATE, unique_id=NAME, title="", clear=False
    )
    dark = console.export_svg(theme=DARK, code_format="{styles}", unique_id=NAME)
    for colour, brighter in BRIGHTER.items():
        dark = dark.replace(colour, brighter)
        # The backgrounds have no class.
        dark += f'\nrect[fill="{colour}"] {{ fill: {brighter} }}'
    picture = COLUMN.sub(_as_rectangles, picture.replace("DARK-STYLES", dark))
    return TEXT.sub(_with_true_length, picture)


def _as_rectangles(column: re.Match[str]) -> str:
    """Return the cells of a column as rectangles: signs of a font leave gaps."""
    style, x, y, signs = column.groups()
    rectangles, left = "", float(x)
    for sign, cells in groupby(signs):
        width = WIDTH_OF_CELL * len(list(cells))
        height = HEIGHT_OF_CELL * EIGHTHS.index(sign) / 8
        top = float(y) + TOP_OF_CELL + HEIGHT_OF_CELL - height
        rectangles += (
            f'<rect {style} x="{left:g}" y="{top:g}" width="{width:g}" '
            f'height="{height:g}" shape-rendering="crispEdges"/>'
        )
        left += width
    return rectangles


def _with_true_length(text: re.Match[str]) -> str:
    """Return a text with the length of its cells: rich takes a wide sign for one."""
    length = cell_len(unescape(text[2])) * WIDTH_OF_CELL
    return f'textLength="{length:g}"{text[1]}>{text[2]}<'
