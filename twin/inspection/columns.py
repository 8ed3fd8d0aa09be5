"""The columns of what a stage stores, in words: from its pydantic model or its Parquet schema."""

from collections.abc import Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel

_WORDS = {bool: "boolean", int: "integer", float: "float", datetime: "timestamp", dict: "json", tuple: "list"}


class Column(NamedTuple):
    """One column; its type is a plain word, such as `string`, `integer` or `list of float`."""

    name: str
    type: str
    description: str
    nullable: bool


def meanings(*models: type[BaseModel]) -> dict[str, str]:
    """What each described field means, by its name; fields that are never dumped are left out."""
    return {
        name: field.description
        for model in models
        for name, field in model.model_fields.items()
        if field.description and not field.exclude
    }


def model_columns(model: type[BaseModel]) -> list[Column]:
    """One column for each field of a model."""
    described = meanings(model)
    columns = []
    for name, field in model.model_fields.items():
        kinds = _alternatives(field.annotation)
        word = next((_WORDS[kind] for kind in kinds if kind in _WORDS), "string")
        columns.append(Column(name, word, described.get(name, ""), NoneType in kinds))
    return columns


def table_columns(schema: pa.Schema, described: Mapping[str, str]) -> list[Column]:
    """One column for each field of a Parquet schema.

    Args:
        described: what each column means, by its name.
    """
    return [Column(each.name, _word(each.type), described.get(each.name, ""), each.nullable) for each in schema]


def _alternatives(annotation: Any) -> list[Any]:
    """The classes that a value of this type may have."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alternatives(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [kind for each in get_args(annotation) for kind in _alternatives(each)]
    return [origin or annotation]


def _word(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind):
        return "float"
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        return f"list of {_word(kind.value_type)}"
    return str(kind)
