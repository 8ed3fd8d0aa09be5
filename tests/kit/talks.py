"""Takes the documents of a category through all stages, and adds a category that the product does not have.

`python -m tests.kit.talks FOLDER` runs in a copy of the source tree that `with_talks` made. It prints what the stages
made of the folder's texts as JSON.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.kit.memory import ADA, WordEmbedder
from twin.artifacts import ArtifactStore
from twin.authors.declarations import declare_link
from twin.chunking import chunk_documents, read_chunks
from twin.cleaning import clean_documents
from twin.crawling.stage import crawl_author
from twin.dataset.stage import build_dataset, read_samples
from twin.embedding import embed_chunks
from twin.models import Category, State
from twin.retrieval import Retriever
from twin.text.kinds import kind_of
from twin.transfer.handbook import export_warehouse
from twin.vectors import load_points
from twin.vectors.edge.store import EdgeVectorStore
from twin.warehouse import SqliteWarehouse

PACKAGES = ("twin", "twin_assets", "twin_jobs", "twin_resources", "tests/kit")
MEMBER = '    TALKS = "talks"\n'
ROW = """    Category.TALKS: Traits(
        layout=Layout.MARKDOWN,
        singular="talk",
        noun="conference talk",
        noun_on={},
        asked=Asked(
            nouns=r"talks|keynotes|vorträge[n]?|conférences|charlas|palestras",
            of_platform=r"talks?",
            by_author=r"talks?",
            by_author_abroad=r"vorträge|conférences|charlas|palestras",
        ),
        chunk_target=100,
        chunk_overlap=0,
        average_terms=60.0,
        weighted_as=Category.ARTICLES,
        colour="#b05fa0",
        marker="D",
        source_kind="markdown",
        handbook_class="TalkDocument",
        handbook_body="Content",
    ),
"""
"""The row that a person adds for the new category."""


def with_talks(repository: Path, folder: Path) -> None:
    """Copy the source tree to `folder`, with the member and the row of one more category."""
    for package in PACKAGES:
        shutil.copytree(repository / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tests" / "__init__.py").touch()
    file = folder / "twin" / "categories.py"
    before, last, after = file.read_text("utf-8").partition('    REPOSITORIES = "repositories"\n')
    rows, end, rest = after.partition('}\n"""The traits of every category."""\n')
    if not (last and end):
        raise ValueError("twin/categories.py looks different: tell this function where members and rows end")
    file.write_text(before + last + MEMBER + rows + ROW + end + rest, "utf-8")


def line(folder: Path, category: Category, declaration: dict[str, str]) -> dict[str, Any]:
    """Take the sources that Ada declares through all stages; return what each stage wrote, and its data version."""
    warehouse, artifacts, embedder = _stores(folder)
    with_points = EdgeVectorStore(folder / "vectors")
    warehouse.upsert_authors([ADA])
    warehouse.upsert_links([declare_link(ADA.slug, declaration, base=folder)])
    reports = {
        "raw": crawl_author(warehouse, ADA.slug, category),
        "cleaned": clean_documents(warehouse, ADA.slug, category),
        "chunks": chunk_documents(warehouse, artifacts, embedder, ADA.slug, category),
        "embeddings": embed_chunks(artifacts, embedder, ADA.slug, category),
        "points": load_points(artifacts, with_points, embedder, ADA.slug, category),
    }
    warehouse.close()
    with_points.close()
    return {stage: {"written": report.written, "version": report.data_version} for stage, report in reports.items()}


def _stores(folder: Path) -> tuple[SqliteWarehouse, ArtifactStore, WordEmbedder]:
    return SqliteWarehouse(folder / "warehouse.sqlite"), ArtifactStore(str(folder / "store")), WordEmbedder()


def _told(folder: Path) -> dict[str, Any]:
    from twin_jobs.definitions import defs

    talks = Category("talks")
    told = {
        "articles": line(folder, Category.ARTICLES, {"files": "articles", "category": "articles"}),
        "talks": line(folder, talks, {"files": "talks", "category": "talks"}),
    }
    warehouse, artifacts, embedder = _stores(folder)
    points = EdgeVectorStore(folder / "vectors")
    (document,) = warehouse.documents(State.CLEANED, ADA.slug, talks)
    result = Retriever(points, embedder, authors=[ADA]).search("talks about joins")
    build_dataset(warehouse, artifacts, ADA.slug)
    told |= {
        "source": str(Path(sys.modules[Category.__module__].__file__ or "")),
        "kind": kind_of(document).name,
        "language": document.language,
        "metadata": sorted(document.metadata),
        "text": document.text,
        "chunks": [chunk.text for chunk in read_chunks(artifacts, ADA.slug, talks)],
        "hits": [(hit.chunk.category, hit.chunk.link) for hit in result.hits],
        "lists": result.trace.lists,
        "instructions": [each.instruction for each in read_samples(artifacts, ADA.slug) if each.category is talks],
        "export": export_warehouse(folder / "export", warehouse).rows,
        "assets": sorted(key.path for key in defs.resolve_asset_graph().get_all_asset_keys()),
    }
    warehouse.close()
    points.close()
    return told


if __name__ == "__main__":
    print(json.dumps(_told(Path(sys.argv[1]))))
