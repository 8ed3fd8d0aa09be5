"""The dataset card: its contents and how it was made, in the form that Hugging Face shows."""

from typing import Any

from twin.models import Author, InstructionSample


def card(author: Author, report: dict[str, Any], example: InstructionSample | None) -> str:
    """Render `README.md` of a dataset from its report; equal reports give equal bytes."""
    lines = [
        "---",
        f"pretty_name: Instructions in the words of {author.name}",
        "task_categories: [text-generation]",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *(f"  - {{split: {split}, path: {split}.jsonl}}" for split, n in report["samples_per_split"].items() if n),
        "---",
        "",
        f"# Instructions in the words of {author.name}",
        "",
        "Every output is a verbatim span of a document that the author published; only the instructions are worded by",
        "templates. Documents, not samples, are divided between the splits, and texts that are equal stay together.",
        "",
        f"{report['total']} samples from {report['documents_used']} of {report['documents']} documents, "
        f"{report['yield_per_1000_words']} per 1,000 words.",
        "",
        *_table("split", report["samples_per_split"]),
        *_table("task", report["samples_per_task"]),
        *_table("category", report["samples_per_category"]),
        *_table("left out because of", report["dropped"]),
    ]
    if report["note"]:
        lines += [report["note"], ""]
    if example:
        lines += ["An instruction:", "", *(f"> {line}".rstrip() for line in example.instruction.splitlines()), ""]
    lines.append("These are a person's own words. Keep the dataset private unless that person says otherwise.")
    return "\n".join(lines) + "\n"


def _table(name: str, counts: dict[str, int]) -> list[str]:
    rows = [f"| {key.replace('_', ' ')} | {count} |" for key, count in counts.items()]
    return [f"| {name} | count |", "|---|---|", *rows, ""] if rows else []
