"""The embedded vector store: Qdrant Edge, one shard per author and category, in folders of versions."""
