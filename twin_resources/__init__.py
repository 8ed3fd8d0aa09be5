"""Dagster resources: each opens one domain object from the settings and closes it when the run ends.

What belongs here: life cycle and wiring. What does not: logic. Assets receive plain domain objects (`Warehouse`,
`VectorStore`, `ArtifactStore`, ...) and never learn which implementation they were given.
"""
