"""A map of an author's embeddings: points that are close together are about the same things."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models import Category
from twin.pictures.style import BADGE, CATEGORY_COLOURS, CATEGORY_MARKERS, INK, new_figure, png, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = 9
"""Number of titles on a map; more would be a list."""

_LABEL_CHARACTERS = 34
_MAP_WIDTH = 0.6  # of the figure; the rest is for the titles
_COLUMN, _LINE = 1.05, 0.068  # where the titles begin, and the height of one, in widths and heights of the map


class Place(NamedTuple):
    """A chunk on the map."""

    category: Category
    document_id: str
    title: str


class Plane(NamedTuple):
    """Points in the plane that shows most of their spread."""

    points: NDArray[np.float64]  # shape (n, 2)
    shown: float  # share of the spread that the plane shows


def flattened(vectors: NDArray[np.float32]) -> Plane:
    """Project vectors onto their two principal axes (PCA; Pearson 1901), by the eigenvectors of their scatter matrix.

    The sign of an axis is arbitrary, so the component of the largest magnitude is made positive: equal vectors give
    an equal map.

    Args:
        vectors: shape (n, d), n at least 1.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    if len(centred) >= centred.shape[1]:
        sizes, columns = np.linalg.eigh(centred.T @ centred)
        spread, axes = sizes[::-1].clip(0), columns.T[::-1]
    else:
        _, roots, axes = np.linalg.svd(centred, full_matrices=False)
        spread = roots**2
    axes = axes[:2]
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    points = np.zeros((len(vectors), 2))
    points[:, : len(axes)] = centred @ axes.T
    total = float(spread.sum())
    return Plane(points.round(4) + 0.0, float(spread[:2].sum()) / total if total else 1.0)


def landmarks(points: NDArray[np.float64], places: Sequence[Place], count: int = LABELS) -> list[int]:
    """Indices of points to label with a title: one for each of `count` documents that are far apart.

    The categories take turns. Each begins with its document with the most chunks; the next is always the one farthest
    from all chosen ones (Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985), the larger of two
    equals. A document is represented by its point nearest to the centre of its points.
    """
    members: dict[tuple[Category, str], list[int]] = {}
    for index, place in enumerate(places):
        if place.title.strip():
            members.setdefault((place.category, place.document_id), []).append(index)
    waiting = {
        category: sorted((key for key in members if key[0] is category), key=lambda key: (-len(members[key]), key[1]))
        for category in Category
    }
    middles = {key: points[indices].mean(axis=0) for key, indices in members.items()}
    chosen: list[tuple[Category, str]] = []
    while len(chosen) < count and any(waiting.values()):
        for documents in filter(None, waiting.values()):
            if any(key[0] is documents[0][0] for key in chosen):
                taken = np.array([middles[key] for key in chosen])
                offsets = np.array([middles[key] for key in documents])[:, None] - taken
                best = int(np.linalg.norm(offsets, axis=2).min(axis=1).argmax())
            else:
                best = 0
            chosen.append(documents.pop(best))
    return [
        members[key][int(np.linalg.norm(points[members[key]] - middles[key], axis=1).argmin())]
        for key in chosen[:count]
    ]


def embedding_map(plane: Plane, places: Sequence[Place], labelled: Sequence[int], total: int) -> bytes:
    """PNG of the points, in the colour and shape of their category, with the titles of a few documents.

    Args:
        plane: see `flattened`.
        places: what the points are, in the same order.
        labelled: indices of the points whose titles are shown, see `landmarks`; they are numbered from 1.
        total: number of all chunks; more than the points if these are a sample.
    """
    figure, axes = new_figure(5.0, right=_MAP_WIDTH)
    axes.set_axis_off()
    sampled = f"{len(places):,} of {total:,} chunks" if len(places) < total else f"{total:,} chunks"
    titled(axes, f"What {sampled} are about", f"close together: alike; the plane shows {plane.shown:.0%} of the spread")
    indices = {category: [i for i, place in enumerate(places) if place.category is category] for category in Category}
    present = [category for category in Category if indices[category]]
    for category in sorted(present, key=lambda each: -len(indices[each])):  # small categories on top of large ones
        across, up = plane.points[indices[category]].T
        axes.scatter(
            across,
            up,
            s=float(np.clip(9000 / len(indices[category]), 10, 36)),
            marker=CATEGORY_MARKERS[category],
            color=CATEGORY_COLOURS[category],
            alpha=0.75,
            linewidths=0,
        )
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.04)
    line = _lines(axes, present, [f"{category.value}, {len(indices[category]):,}" for category in present])
    heights = line - _LINE * np.arange(len(labelled))
    _badges(axes, plane.points[list(labelled)], on_map=True)
    _badges(axes, np.column_stack([np.full(len(labelled), _COLUMN), heights]), on_map=False)
    for height, index in zip(heights, labelled, strict=True):
        _write(axes, float(height), _drawable(places[index].title))
    return png(figure)


def _lines(axes: "Axes", categories: Sequence[Category], texts: Sequence[str]) -> float:
    """Write the legend at the top of the column beside the map, and return the height of what comes below it."""
    line = 0.97
    for category, text in zip(categories, texts, strict=True):
        axes.plot(
            [_COLUMN],
            [line],
            marker=CATEGORY_MARKERS[category],
            markersize=7,
            color=CATEGORY_COLOURS[category],
            transform=axes.transAxes,
            clip_on=False,
            linestyle="none",
        )
        _write(axes, line, text)
        line -= _LINE
    return line - _LINE / 2


def _write(axes: "Axes", line: float, text: str) -> None:
    axes.text(
        _COLUMN + 0.04, line, text, transform=axes.transAxes, color=INK, fontsize=9.5, va="center", parse_math=False
    )


def _badges(axes: "Axes", spots: NDArray[np.float64], *, on_map: bool) -> None:
    """Discs with the numbers from 1, at places on the map or in the column beside it."""
    where = axes.transData if on_map else axes.transAxes
    across, up = spots.T
    axes.scatter(across, up, s=170, color=BADGE, edgecolors="white", transform=where, clip_on=False, zorder=5)
    for number, spot in enumerate(spots, start=1):
        axes.text(
            float(spot[0]),
            float(spot[1]),
            str(number),
            transform=where,
            color="white",
            fontsize=8,
            fontweight="bold",
            ha="center",
            va="center_baseline",
            zorder=6,
        )


def _drawable(title: str) -> str:
    """A title in one short line, without characters that the font lacks; empty if that is most of it."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    glyphs = get_font(findfont(FontProperties())).get_charmap()
    line = " ".join(title.split())
    kept = " ".join("".join(character for character in line if ord(character) in glyphs).split())
    if len(kept) < len(line) / 2:
        return ""
    if len(kept) <= _LABEL_CHARACTERS:
        return kept
    if "/" in kept and " " not in kept:  # the end of a path says more than its beginning
        return "…" + kept[1 - _LABEL_CHARACTERS :]
    return kept[: _LABEL_CHARACTERS - 1].rstrip() + "…"
