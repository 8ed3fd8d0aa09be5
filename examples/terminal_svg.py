"""Draw the output of commands as a picture: python examples/terminal_svg.py < output.txt > docs/result.svg

Lines that begin with `$ ` are commands. Nothing but the text given is drawn, so give what the commands really printed.
"""

import re
import sys
from html import escape

COLUMNS, LINE, CELL, MARGIN = 100, 18, 7.83, 20
"""Width in characters; height of a line, width of a character and margin in pixels."""

STYLE = (
    "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d7dae0}"
    ".command{fill:#7ee787}.heading{fill:#ffffff;font-weight:600}.detail{fill:#9aa4b2}"
)
KINDS = {"command": r"\$ ", "heading": r"\d\. |stage ", "detail": r"   (https?:|local:|\d{4}-)"}


def picture(lines: list[str]) -> str:
    """The SVG of a terminal that shows these lines."""
    width, height = round(COLUMNS * CELL + 2 * MARGIN), len(lines) * LINE + 2 * MARGIN + 8
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'role="img" aria-label="Output of commands in a terminal">',
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#1b1f27"/>',
    ]
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        kind = next((name for name, pattern in KINDS.items() if re.match(pattern, line)), "text")
        drawn.append(
            f'<text class="{kind}" x="{MARGIN}" y="{MARGIN + LINE * (number + 1) - 4}" xml:space="preserve" '
            f'textLength="{len(line) * CELL:.1f}" lengthAdjust="spacingAndGlyphs">{escape(line)}</text>'
        )
    return "\n".join([*drawn, "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(picture(sys.stdin.read().rstrip("\n").split("\n")))
