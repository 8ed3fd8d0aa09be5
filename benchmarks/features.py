"""`make bench-features`: compares chunking, embedding, vectors and retrieval, memory, and the whole pipeline."""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import chunking, embedding, handbook_line, memory, vectors
from benchmarks.processes import two_cores
from benchmarks.record import data_folder, record
from benchmarks.workbench import Workbench

PACKAGES = (
    "openvino", "nncf", "torch", "sentence-transformers", "transformers", "tokenizers", "tokie", "qdrant-client",
    "qdrant-edge-py", "langchain-text-splitters", "numpy", "pyarrow",
)  # fmt: skip

PARTS: dict[str, Callable[[Workbench], dict[str, float]]] = {
    "chunking": lambda bench: chunking.run(bench.data),
    "embedding": embedding.run,
    "line": handbook_line.run,
    "vectors": vectors.run,
    "memory": memory.run,
}

LARGE: dict[str, Callable[[Workbench], dict[str, float]]] = {"vectors_100k": vectors.run_large}
"""Parts that take minutes and run only if they are named."""


def main() -> None:
    """Run the usual parts, or some; the last line printed is one JSON object. Only a run of all of them is saved."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.features", description=__doc__)
    choices = PARTS | LARGE
    parser.add_argument("--only", metavar="PART", nargs="+", choices=choices, help=f"from {', '.join(choices)}")
    only = parser.parse_args().only
    data = data_folder()
    os.environ["HF_HUB_OFFLINE"] = "1"  # every model comes in a package
    two_cores()
    begun = time.perf_counter()
    load = os.getloadavg()[0]
    print(f"two cores, load average {load:.1f} before this")
    numbers: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="bench-features-") as folder:
        bench = Workbench(data, Path(folder))
        for name, part in (PARTS if only is None else choices).items():
            if only is None or name in only:
                numbers |= part(bench)
                print(f"  ({time.perf_counter() - begun:.0f} s so far)", flush=True)
    numbers["load_average_before"] = load
    numbers["benchmark_s"] = time.perf_counter() - begun
    record("features", {name: round(value, 4) for name, value in numbers.items()}, PACKAGES, write=only is None)


if __name__ == "__main__":
    main()
