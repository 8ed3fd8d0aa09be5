"""`make bench-crawl`: extraction and code fidelity, repository reading, memory under a bomb, and redaction."""

from benchmarks import bomb, extraction, redaction, repositories
from benchmarks.record import data_folder, record

PACKAGES = ("trafilatura", "readability-lxml", "html2text", "GitPython", "detect-secrets", "requests", "urllib3")


def main() -> None:
    """Run all four; the last line printed is one JSON object."""
    data = data_folder()
    numbers = {
        **extraction.run(data / "pages"),
        **repositories.run(),
        **bomb.run(),
        **redaction.run(),
    }
    record("crawl", {name: round(value, 4) for name, value in numbers.items()}, PACKAGES)


if __name__ == "__main__":
    main()
