"""`twin import` and `twin export`: the LLM Engineers Handbook's warehouse files, in and out."""

from pathlib import Path

import typer

from twin.cli.opening import warehouse
from twin.handbook import export_warehouse as write_export
from twin.handbook import import_export


def import_warehouse(folder: Path) -> None:
    """Import a warehouse export: a folder with ArticleDocument.json, PostDocument.json, ... Twice adds nothing."""
    with warehouse() as opened:
        report = import_export(folder, opened)
    for note in report.notes:
        typer.echo(note)
    typer.echo(
        f"{report.total} documents of {', '.join(report.authors) or 'nobody'}: "
        f"{report.inserted} new, {report.updated} changed, {report.unchanged} unchanged"
    )
    for error in report.errors:
        typer.echo(f"twin: {error}", err=True)
    if report.errors:
        raise typer.Exit(1)


def export_warehouse(folder: Path) -> None:
    """Export all raw documents and authors in the same layout."""
    with warehouse() as opened:
        report = write_export(folder, opened)
    typer.echo(f"{report.total} documents of {', '.join(report.authors) or 'nobody'} written to {folder}")
