"""The sources, one file each. Every module of this folder is found automatically: a new source is one new file.

Each registers its crawler when it is imported. Code that several sources share is in this folder too.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
