"""The `twin` command: what people do besides building a twin, which is Dagster's part."""
