"""The Dagster-free domain of LLM Twin.

Everything that knows what an author, a document, a chunk or a sample *is* belongs here. Nothing in this package
imports dagster, and nothing here reads a setting from the environment except `twin.settings`.
"""

__version__ = "0.1.0"
