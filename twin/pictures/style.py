"""The look that all pictures share: transparent, in mid-tones that are readable on a light and on a dark page.

matplotlib is used through its objects and the Agg canvas, without pyplot: no global state changes and no screen is
needed. The same arguments give the same bytes.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from twin.models import Category

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#707782"
"""Text and axes: a contrast of 4.5 both with white and with the dark page of the UI."""

FAINT = "#8b949e55"
"""Grid lines."""

BLUE, ORANGE, PURPLE = "#2b7bba", "#d95f02", "#b05fa0"
"""Distinguishable with every common colour blindness (after Okabe and Ito, "Color Universal Design", 2008, darkened or
lightened to stand out from white and black)."""

CATEGORY_COLOURS = {category: category.traits.colour for category in Category}
CATEGORY_MARKERS = {category: category.traits.marker for category in Category}

BADGE = "#57606a"
"""Background of white letters."""

_WIDTH, _DPI = 7.6, 100  # inches, and pixels per inch
_TITLES = 0.72  # inches above the axes
_COLOURS = 100


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress what matplotlib logs about caches that it builds, or cannot write, when it is first loaded."""
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def new_figure(height: float, *, right: float = 0.98, bottom: float = 0.04) -> "tuple[Figure, Axes]":
    """An empty transparent figure as wide as the UI shows it, with one pair of axes below the space for two titles.

    The axes are placed by hand: matplotlib's layouts draw everything twice.

    Args:
        height: height of the figure, in inches.
        right: where the axes end, as a share of the width.
        bottom: inches below the axes.
    """
    with _quiet():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(_WIDTH, height), dpi=_DPI)
        low, left = bottom / height, 0.075 if bottom > 0.1 else 0.01
        axes = figure.add_axes((left, low, right - left, 1 - _TITLES / height - low))
    figure.patch.set_alpha(0)
    axes.patch.set_alpha(0)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(INK)
    axes.tick_params(colors=INK, labelsize=10, length=3)
    return figure, axes


def titled(axes: "Axes", title: str, subtitle: str) -> None:
    """Write above the picture what it says, and in smaller letters how to read it."""
    for text, points, size, weight in ((title, 24, 13, "bold"), (subtitle, 8, 10, "normal")):
        axes.annotate(
            text,
            (0, 1),
            (0, points),
            xycoords="axes fraction",
            textcoords="offset points",
            color=INK,
            fontsize=size,
            fontweight=weight,
            parse_math=False,
            annotation_clip=False,
        )


def png(figure: "Figure") -> bytes:
    """The figure as PNG without time and version, so that equal figures are equal bytes.

    A hundred colours are enough for flat areas with smooth edges, and reduce the size to a third.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    with _quiet():
        canvas.draw()  # type: ignore[no-untyped-call]
    stream = BytesIO()
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    image = Image.fromarray(pixels).quantize(_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    image.save(stream, format="png", optimize=True)
    return stream.getvalue()
