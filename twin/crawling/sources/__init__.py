"""The sources, one file each. A module of this folder is found by itself: a new source is one new file.

Each registers its crawler when it is imported; what several sources share lies beside them.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
