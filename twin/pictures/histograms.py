"""Histograms: how long the chunks are, and how alike."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.pictures.style import BLUE, FAINT, INK, ORANGE, PURPLE, new_figure, png, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BARS = 50

SAME = 0.999
"""From this cosine two chunks say the same: embeddings of equal texts differ only by rounding."""


def tokens_histogram(counts: Mapping[int, int], window: int, target: int | None = None) -> bytes:
    """PNG: how many chunks have how many tokens, with the target and the embedder's window marked.

    Args:
        counts: number of chunks by number of tokens of the embedded text; at least one.
        window: tokens that the embedder reads of one text, without special tokens.
        target: tokens that the chunker aims at; not marked if None.
    """
    lengths = np.array(sorted(counts))
    numbers = np.array([counts[int(length)] for length in lengths])
    over = int(numbers[lengths > window].sum())
    middle = int(lengths[np.searchsorted(numbers.cumsum(), numbers.sum() / 2)])
    figure, axes = new_figure(3.0, bottom=0.5)
    titled(
        axes,
        f"Half of the {numbers.sum():,} chunks have {middle:,} tokens or fewer",
        f"{over:,} have more than the model reads" if over else "all fit into what the model reads",
    )
    last = max(int(lengths[-1]), window)
    width = max(1, -(-(last + 1) // _BARS))
    edges = np.arange(0, last + 2 * width, width, dtype=np.float64)
    fits = lengths <= window
    read, _ = np.histogram(lengths[fits], edges, weights=numbers[fits])
    cut, _ = np.histogram(lengths[~fits], edges, weights=numbers[~fits])
    _bars(axes, edges, read, cut)
    if target is not None and target < window:
        _mark(axes, target, f"target {target:,}", PURPLE)
    _mark(axes, window, f"window {window:,}", ORANGE)
    _labelled(axes, "tokens of a chunk, with the context that is embedded too")
    return png(figure)


def neighbours_histogram(similarities: NDArray[np.float32], total: int | None = None) -> bytes:
    """PNG: for each chunk, its cosine with the most similar other chunk.

    Args:
        similarities: shape (n,), n at least 1, in [-1, 1].
        total: number of chunks from which they are a sample; None: they are all.
    """
    same = int((similarities >= SAME).sum())
    sample = "" if total in (None, len(similarities)) else f"; a sample of {total:,}"
    figure, axes = new_figure(3.0, bottom=0.5)
    titled(
        axes,
        f"{same:,} of {len(similarities):,} chunks are embedded like another one"
        if same
        else f"No two of {len(similarities):,} chunks are embedded alike",
        f"how much each chunk is like the one that is most like it{sample}",
    )
    low = min(0.0, float(np.floor(similarities.min() * 10) / 10))
    edges = np.linspace(low, 1, round((1 - low) * _BARS) + 1)
    distinct, _ = np.histogram(similarities[similarities < SAME], edges)
    _bars(axes, edges, distinct, np.where(edges[1:] == 1, same, 0))
    _labelled(axes, "cosine of a chunk and the nearest other (1: the same)")
    return png(figure)


def _bars(axes: "Axes", edges: NDArray[np.float64], heights: NDArray[np.int_], hot: NDArray[np.int_]) -> None:
    """Bars with special values on top, each colour as one collection: one patch per bar takes three times as long."""
    axes.set_xlim(float(edges[0]), float(edges[-1]))
    axes.set_ylim(0, 1.15 * float((heights + hot).max()))
    centres = (edges[:-1] + edges[1:]) / 2
    width = 0.86 * axes.get_window_extent().width / len(centres) * 72 / axes.figure.dpi
    for low, high, colour in ((0 * heights, heights, BLUE), (heights, heights + hot, ORANGE)):
        tall = high > low
        axes.vlines(centres[tall], low[tall], high[tall], colors=colour, linewidth=width, zorder=2)


def _mark(axes: "Axes", value: float, label: str, colour: str) -> None:
    axes.axvline(value, color=colour, linewidth=1.4, linestyle=(0, (4, 2)), zorder=3)
    axes.annotate(
        label,
        (value, 1),
        (-5, -2),
        xycoords=axes.get_xaxis_transform(),
        textcoords="offset points",
        color=colour,
        fontsize=10,
        ha="right",
        va="top",
    )


def _labelled(axes: "Axes", horizontal: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlabel(horizontal, color=INK, fontsize=10)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.yaxis.grid(visible=True, color=FAINT, linewidth=0.6)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.tick_params(axis="y", length=0)
    axes.set_axisbelow(True)


def _short(number: float) -> str:
    """A number of chunks in few characters."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if number >= 10 * size:
            return f"{number / size:g}{unit}"
    return f"{number:,.0f}"
