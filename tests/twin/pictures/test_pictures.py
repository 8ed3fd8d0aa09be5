"""Pictures: what they show is in them, equal data is equal bytes, and nothing but the picture comes of drawing one."""

import logging
import os
import subprocess
import sys
import warnings
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from twin.models import Category
from twin.pictures import (
    Place,
    Plane,
    embedding_map,
    flattened,
    landmarks,
    loss_curve,
    neighbours_histogram,
    tokens_histogram,
)
from twin.pictures.curves import smoothed
from twin.pictures.style import BLUE, CATEGORY_COLOURS, ORANGE, PURPLE

LIMIT = 60_000
"""Bytes of a PNG; it is stored again with every materialisation."""


def pixels(png: bytes) -> NDArray[np.uint8]:
    """Shape (height, width, 4)."""
    image = Image.open(BytesIO(png))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGBA"))


def area(png: bytes, colour: str) -> int:
    """Pixels of about this colour that are not mostly transparent."""
    wanted = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)])
    found = pixels(png).astype(int)
    return int(((np.abs(found[..., :3] - wanted).max(axis=2) < 24) & (found[..., 3] > 128)).sum())


def vectors(count: int, dimension: int = 24, seed: int = 0) -> NDArray[np.float32]:
    made = np.random.default_rng(seed).normal(size=(count, dimension)) * np.linspace(3, 1, dimension)
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def drawn_map(titles: list[str], total: int | None = None) -> bytes:
    places = [Place(list(Category)[number % len(Category)], f"d{number}", title) for number, title in enumerate(titles)]
    plane = flattened(vectors(len(titles)))
    return embedding_map(plane, places, landmarks(plane.points, places), total or len(titles))


LENGTHS = Counter({40: 3, 120: 9, 180: 30, 200: 12, 240: 1})
SIMILARITIES = np.linspace(0.2, 0.95, 60, dtype=np.float32)
LOSSES = [6.0 - 0.01 * step + 0.3 * (step % 3) for step in range(160)]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: tokens_histogram(LENGTHS, 254, 200),
        lambda: neighbours_histogram(SIMILARITIES),
        lambda: loss_curve(LOSSES),
        lambda: drawn_map([f"Essay {number}" for number in range(2000)], 1_000_000),
    ],
    ids=["tokens", "neighbours", "loss", "map"],
)
def test_a_picture_is_small_transparent_and_the_same_for_the_same_data(draw) -> None:
    png = draw()
    assert len(png) < LIMIT
    assert pixels(png).shape[1] == 760
    assert (pixels(png)[[0, 0, -1, -1], [0, -1, 0, -1], 3] == 0).all()
    assert draw() == png
    assert not {b"tEXt", b"iTXt", b"zTXt", b"tIME"} & {png[i : i + 4] for i in range(len(png) - 3)}


def test_the_histogram_marks_target_window_and_what_the_model_cuts_off() -> None:
    plain = tokens_histogram(LENGTHS, 254)
    assert area(plain, BLUE) > 1000
    assert area(plain, PURPLE) == 0
    assert area(plain, ORANGE) > 50
    assert area(tokens_histogram(LENGTHS, 254, 200), PURPLE) > 50
    assert area(tokens_histogram(LENGTHS + Counter({300: 20}), 254), ORANGE) > area(plain, ORANGE) + 500
    assert tokens_histogram(LENGTHS, 254, 254) == plain


@pytest.mark.parametrize(
    ("counts", "window"), [({0: 1}, 254), ({7: 1}, 16), ({8000: 10**7, 1: 1}, 8190), ({5000: 3}, 254)]
)
def test_a_histogram_of_few_or_many_chunks(counts: dict[int, int], window: int) -> None:
    png = tokens_histogram(counts, window)
    assert area(png, BLUE) + area(png, ORANGE) > 100


def test_chunks_that_say_the_same_stand_out() -> None:
    assert area(neighbours_histogram(SIMILARITIES), ORANGE) == 0
    assert area(neighbours_histogram(np.append(SIMILARITIES, [1.0, 1.0, 1.0]).astype(np.float32)), ORANGE) > 300
    assert area(neighbours_histogram(np.array([-0.4], np.float32)), BLUE) > 300
    assert area(neighbours_histogram(np.array([1.0], np.float32)), ORANGE) > 300


def test_a_smooth_loss_is_the_mean_of_a_tenth_of_the_steps() -> None:
    assert smoothed([4.0, 2.0, 3.0]) == [4.0, 2.0, 3.0]
    losses = [float(number) for number in range(40)]
    assert smoothed(losses) == pytest.approx([0, 0.5, 1, *(number - 1.5 for number in range(3, 40))])


@pytest.mark.parametrize("losses", [[5.0], [5.0, 5.0], [1.0, 9.0], LOSSES * 100])
def test_a_loss_curve_of_few_or_many_steps(losses: list[float]) -> None:
    assert area(loss_curve(losses), BLUE) > 20


def test_the_plane_is_that_of_the_principal_axes() -> None:
    many = vectors(300)
    plane = flattened(many)
    centred = many.astype(np.float64) - many.mean(axis=0)
    sizes = np.linalg.svd(centred, compute_uv=False) ** 2
    assert plane.shown == pytest.approx(sizes[:2].sum() / sizes.sum(), abs=1e-6)
    assert (plane.points**2).sum(axis=0) == pytest.approx(sizes[:2], rel=1e-3)
    assert flattened(many[::-1]).points[::-1] == pytest.approx(plane.points, abs=2e-4)  # no axis was turned round


def test_few_vectors_lie_on_the_same_plane_whichever_way_it_is_found() -> None:
    few = vectors(20)  # fewer than dimensions: by singular values, else by eigenvectors
    padded = np.concatenate([few, np.repeat(few.mean(axis=0, keepdims=True), 10, axis=0)])
    assert flattened(padded).points[:20] == pytest.approx(flattened(few).points, abs=2e-4)
    assert flattened(few[:1]) == Plane(pytest.approx(np.zeros((1, 2))), 1.0)
    assert (flattened(np.repeat(few[:1], 3, axis=0)).points == 0).all()
    assert flattened(few[:2]).points[:, 1] == pytest.approx([0, 0])


def test_landmarks_are_of_documents_far_apart_and_the_categories_take_turns() -> None:
    spots = {"a": (0, 0), "b": (0.1, 0), "c": (9, 0), "d": (0, 9), "e": (5, 5)}
    categories = dict.fromkeys("abcd", Category.ARTICLES) | {"e": Category.POSTS}
    rows = [(name, spot) for name, spot in spots.items() for _ in range(3 if name == "a" else 1)]
    places = [Place(categories[name], name, name) for name, _ in rows]
    points = np.array([spot for _, spot in rows], dtype=float)
    assert [places[index].document_id for index in landmarks(points, places, 4)] == ["e", "a", "c", "d"]
    assert len(landmarks(points, places, 99)) == 5
    assert landmarks(points, [place._replace(title=" ") for place in places]) == []


def test_a_map_shows_every_category_and_says_when_it_is_a_sample() -> None:
    titles = [f"Essay {number}" for number in range(90)]
    png = drawn_map(titles)
    for category in Category:
        assert area(png, CATEGORY_COLOURS[category]) > 100, category
    assert drawn_map(titles, 91) != png


@pytest.mark.parametrize(
    "title",
    [
        r"$\frac{1}{0}$ costs $5 and \unknown{",
        "你好世界",
        "😀😀😀",
        "مرحبا بالعالم",
        "line\nfeed\tand\x00nul",
        "x" * 500,
        "{}%s%",
        "_^",
    ],
)
def test_any_title_can_be_drawn_without_a_warning(title: str, caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings(), caplog.at_level(logging.DEBUG):
        warnings.simplefilter("error")
        assert len(drawn_map([title])) < LIMIT
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


DRAW = """
import sys
from twin.pictures import tokens_histogram
assert "matplotlib" not in sys.modules
tokens_histogram({3: 1}, 5)
assert "matplotlib.pyplot" not in sys.modules
"""


@pytest.mark.slow
def test_drawing_says_nothing_even_where_no_cache_can_be_written(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", DRAW],
        env={**os.environ, "MPLCONFIGDIR": str(tmp_path / "file"), "HOME": str(tmp_path / "file")},
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
