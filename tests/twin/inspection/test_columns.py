"""Columns in words, and what each described field means."""

from datetime import datetime
from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, Field

from twin.chunking.inspection import chunk_columns
from twin.chunking.stage import SCHEMA
from twin.dataset.stage import sample_columns
from twin.embedding.inspection import embedding_columns
from twin.inspection.columns import Column, meanings, model_columns, table_columns
from twin.models import Category, Document


class Letter(BaseModel):
    """A model with one field of each kind."""

    sender: str = Field(description="who wrote it")
    category: Category
    pages: int | None = None
    weight: float = 0.0
    registered: bool = False
    sent_at: datetime | None = None
    stamps: dict[str, int] = Field(default_factory=dict)
    kind: Literal["card", "letter"] = "letter"
    span: tuple[int, int] = (0, 0)
    internal: str = Field(default="", exclude=True, description="never dumped")


def test_a_field_of_a_model_is_a_column_with_a_plain_type() -> None:
    assert model_columns(Letter)[:-1] == [
        Column("sender", "string", "who wrote it", nullable=False),
        Column("category", "string", "", nullable=False),
        Column("pages", "integer", "", nullable=True),
        Column("weight", "float", "", nullable=False),
        Column("registered", "boolean", "", nullable=False),
        Column("sent_at", "timestamp", "", nullable=True),
        Column("stamps", "json", "", nullable=False),
        Column("kind", "string", "", nullable=False),
        Column("span", "list", "", nullable=False),
    ]


def test_a_field_of_a_table_is_a_column_with_a_plain_type() -> None:
    schema = pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            ("length", pa.int64()),
            ("score", pa.float32()),
            ("vector", pa.list_(pa.float32(), 3)),
        ]
    )
    assert table_columns(schema, {"id": "which one"}) == [
        Column("id", "string", "which one", nullable=False),
        Column("length", "integer", "", nullable=True),
        Column("score", "float", "", nullable=True),
        Column("vector", "list of float", "", nullable=True),
    ]


def test_only_described_fields_that_are_dumped_have_a_meaning() -> None:
    assert meanings(Letter) == {"sender": "who wrote it"}


def test_every_column_of_what_is_stored_is_described() -> None:
    for columns in (model_columns(Document), chunk_columns(), embedding_columns(), sample_columns()):
        assert [column.name for column in columns if not column.description] == []


def test_the_columns_of_chunks_are_those_of_the_table() -> None:
    assert [column.name for column in chunk_columns()] == SCHEMA.names
