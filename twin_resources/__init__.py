"""Dagster resources: each opens one domain object from the settings and closes it when the run ends.

Life cycle and wiring belong here, logic does not. Assets receive plain domain objects (`Warehouse`, `VectorStore`,
`ArtifactStore`, ...) and do not know which implementation they get.
"""
