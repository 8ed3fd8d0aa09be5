"""`twin import` and `twin export`: a warehouse in its own format or in that of the LLM Engineers Handbook."""

from enum import StrEnum
from pathlib import Path

import typer

from twin.cli.opening import known_author, stores
from twin.transfer import handbook
from twin.transfer.native import TransferReport, export_folder, import_folder, is_export


class Format(StrEnum):
    """Layouts of an export."""

    NATIVE = "native"
    HANDBOOK = "handbook"


def import_warehouse(folder: Path) -> None:
    """Import a folder written by `twin export`, or a Handbook export (ArticleDocument.json, ...). Safe to repeat."""
    if is_export(folder):
        _import_native(folder)
    else:
        _import_handbook(folder)


def _import_native(folder: Path) -> None:
    with stores() as opened:
        report = import_folder(folder, opened.warehouse, opened.artifacts)
    restored = report.restored
    typer.echo(
        f"{_shown(report)}: {restored.inserted} rows new, {restored.updated} changed, {restored.unchanged} unchanged, "
        f"{restored.kept} kept because the stored row is newer; {report.captures} new captures"
    )
    _end(report.errors)


def _import_handbook(folder: Path) -> None:
    with stores() as opened:
        report = handbook.import_export(folder, opened.warehouse)
    for note in report.notes:
        typer.echo(note)
    typer.echo(
        f"{report.total} documents of {', '.join(report.authors) or 'nobody'}: "
        f"{report.inserted} new, {report.updated} changed, {report.unchanged} unchanged"
    )
    _end(report.errors)


def export_warehouse(
    folder: Path,
    author: str | None = typer.Argument(None, help="Only this author. Default: all authors."),
    layout: Format = typer.Option(
        Format.NATIVE, "--format", help="native: everything, byte for byte. handbook: only authors and raw documents."
    ),
) -> None:
    """Export the warehouse into a folder that `twin import` reads."""
    with stores() as opened:
        if author is not None:
            known_author(opened, author)
        if layout is Format.HANDBOOK:
            written = handbook.export_warehouse(folder, opened.warehouse, author)
            typer.echo(f"{written.total} documents of {', '.join(written.authors) or 'nobody'} written to {folder}")
            return
        report = export_folder(folder, opened.warehouse, opened.artifacts, author)
    typer.echo(f"{_shown(report)}, {report.captures} captures written to {folder}")
    _end(report.errors)


def _shown(report: TransferReport) -> str:
    return ", ".join(f"{count} {table}" for table, count in report.rows.items() if table != "captures")


def _end(errors: list[str]) -> None:
    for error in errors:
        typer.echo(f"twin: {error}", err=True)
    if errors:
        raise typer.Exit(1)
