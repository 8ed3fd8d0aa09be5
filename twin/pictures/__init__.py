"""Pictures of what a stage made, as PNG."""

from twin.pictures.curves import loss_curve
from twin.pictures.histograms import SAME, neighbours_histogram, tokens_histogram
from twin.pictures.maps import Place, Plane, embedding_map, flattened, landmarks

__all__ = [
    "SAME",
    "Place",
    "Plane",
    "embedding_map",
    "flattened",
    "landmarks",
    "loss_curve",
    "neighbours_histogram",
    "tokens_histogram",
]
