"""Words as search terms: analysis, stop words, and BM25 as sparse vectors."""
