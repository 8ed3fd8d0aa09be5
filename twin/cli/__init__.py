"""The `twin` command: what people do beside building a twin, which is Dagster's part."""
