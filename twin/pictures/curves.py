"""Curves: how a loss falls."""

from collections.abc import Sequence

import numpy as np

from twin.pictures.style import BLUE, FAINT, INK, new_figure, png, titled

_WINDOW = 0.1
"""Share of the steps that the smooth line averages."""


def smoothed(losses: Sequence[float]) -> list[float]:
    """The mean of each loss and those before it, over a tenth of the steps."""
    window = max(1, round(_WINDOW * len(losses)))
    sums = np.concatenate([[0.0], np.cumsum(losses)])
    ends = np.arange(1, len(losses) + 1)
    starts = np.maximum(ends - window, 0)
    means: list[float] = ((sums[ends] - sums[starts]) / (ends - starts)).tolist()
    return means


def loss_curve(losses: Sequence[float]) -> bytes:
    """PNG: the training loss of each step, and its mean over the last tenth of the steps.

    Args:
        losses: one for each optimiser step, in nats per token; at least one.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    line = smoothed(losses)
    figure, axes = new_figure(3.0, bottom=0.5)
    fell = "fell" if line[-1] < losses[0] else "did not fall"
    titled(
        axes,
        f"The training loss {fell} from {losses[0]:.2f} to {line[-1]:.2f} nats per token",
        f"{len(losses):,} steps; thin: each step, thick: mean of a tenth of the steps",
    )
    steps = np.arange(1, len(losses) + 1)
    axes.plot(steps, losses, color=BLUE, linewidth=0.8, alpha=0.5, marker="o" if len(losses) == 1 else None)
    axes.plot(steps, line, color=BLUE, linewidth=2)
    low, high = min(losses), max(losses)
    margin = 0.08 * (high - low) or 0.5
    axes.set_ylim(low - margin, high + margin)
    axes.set_xlim(1, max(len(losses), 2))
    axes.set_xlabel("step", color=INK, fontsize=10)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.yaxis.grid(visible=True, color=FAINT, linewidth=0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_axisbelow(True)
    return png(figure)
