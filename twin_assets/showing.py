"""What the UI shows of an asset, as Dagster metadata: columns, sample rows, where it is stored, what each number means,
and links to the source code.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from twin.inspection.columns import Column, meanings
from twin.inspection.preview import Row
from twin.links import shown as without_credentials
from twin.masking import masked_values
from twin.models import StageReport

ROW_COUNT = "dagster/row_count"
"""The entry that the UI shows as the number of rows; it takes the place of `total` where that is what it counts."""

SAMPLE_ROWS = "sample_rows"
PATH = "path"
URI = "dagster/uri"


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the page of an asset shows: declared once, for the definition and for each materialisation.

    Args:
        report: what a run reports; the description of each field says what the number means.
        counts: what `total` and `written` count, as in "documents".
        columns: the columns of what is stored, if it is a table.
        more: name -> meaning of what a run shows besides its report, or where it means something else.
        own_table: whether the partition is one table of its own, so that `total` is its number of rows.
        omitted: fields of the report that another entry shows.
        made_by: the functions of the domain that make it, for links to their source.
    """

    report: type[StageReport]
    counts: str
    columns: Sequence[Column] = ()
    more: Mapping[str, str] = field(default_factory=dict)
    own_table: bool = False
    omitted: frozenset[str] = frozenset()
    made_by: Sequence[Callable[..., object]] = ()

    @property
    def meanings(self) -> dict[str, str]:
        """What each entry of a materialisation means, by its name."""
        counted = {
            "total": f"{self.counts} that there are now, after this run",
            "written": f"{self.counts} that this run added, changed or removed",
        }
        said = counted | meanings(self.report) | dict(self.more)
        hidden = self.omitted | ({"total"} if self.own_table else set())
        return {name: meaning for name, meaning in said.items() if name not in hidden}

    def definition(self, body: Callable[..., object], description: str) -> dict[str, Any]:
        """The options of an asset: its description with the meanings, its columns, and links to its source."""
        lines = [f"* `{name}`: {meaning}" for name, meaning in self.meanings.items()]
        metadata: dict[str, Any] = {"dagster/code_references": sources(body, *self.made_by)}
        if self.columns:
            metadata["dagster/column_schema"] = column_schema(self.columns)
        heading = "**What the metadata of a run says**"
        return {"description": "\n".join([description, "", heading, "", *lines]), "metadata": metadata}

    def entries(self, report: StageReport) -> dict[str, Any]:
        """What a report says, by the names under which it is shown."""
        said = report.model_dump(mode="json", exclude={"data_version", *self.omitted})
        if self.own_table:
            said = {ROW_COUNT: said.pop("total"), **said}
        return said


def counted(metadata: Mapping[str, Any]) -> Any:
    """The entry of a materialisation that says how many there are now; None if it has none."""
    return metadata.get(ROW_COUNT, metadata.get("total"))


def column_schema(columns: Sequence[Column]) -> dg.TableSchema:
    """The columns, as the UI lists them."""
    return dg.TableSchema([
        dg.TableColumn(
            each.name,
            each.type,
            each.description or None,
            constraints=dg.TableColumnConstraints(nullable=each.nullable),
        )
        for each in columns
    ])  # fmt: skip


def sample_rows(rows: Sequence[Row]) -> dict[str, dg.MetadataValue]:
    """The rows as a table, without columns that are empty in all of them; nothing if there are no rows."""
    columns = [name for name in (rows[0] if rows else {}) if any(row[name] not in (None, "") for row in rows)]
    if not columns:
        return {}
    cells = [{name: "" if row[name] is None else row[name] for name in columns} for row in rows]
    records = [dg.TableRecord({name: masked_values(cell) for name, cell in each.items()}) for each in cells]
    schema = dg.TableSchema([dg.TableColumn(name, _type_of([row[name] for row in rows])) for name in columns])
    return {SAMPLE_ROWS: dg.MetadataValue.table(records, schema)}


def place(address: str) -> dict[str, dg.MetadataValue]:
    """Where something is stored: a path on this machine, or a URI without credentials and query."""
    if "://" in address:
        return {URI: dg.MetadataValue.text(without_credentials(address.partition("?")[0]))}
    return {PATH: dg.MetadataValue.path(str(Path(address).absolute()))}


def sources(*functions: Callable[..., object]) -> dg.CodeReferencesMetadataValue:
    """Where functions are defined: file and line, which an editor on this machine can open."""
    references: list[dg.LocalFileCodeReference | dg.UrlCodeReference] = []
    for function in functions:
        written = inspect.unwrap(function)
        code = written.__code__
        references.append(
            dg.LocalFileCodeReference(
                file_path=str(Path(code.co_filename).absolute()),
                line_number=code.co_firstlineno,
                label=written.__name__,
            )
        )
    return dg.CodeReferencesMetadataValue(code_references=references)


def _type_of(cells: Sequence[object]) -> str:
    numbers = all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells)
    return "number" if numbers else "string"
