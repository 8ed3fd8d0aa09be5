"""From cleaned documents to the instruction dataset: outputs are verbatim, only instructions are made up."""
