"""From a page to a document: decoding, extraction, code blocks, metadata, and pages that stand in for an article."""
