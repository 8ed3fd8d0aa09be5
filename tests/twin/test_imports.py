"""What importing the domain loads, by whatever way a module imports it."""

import subprocess
import sys

PROGRAM = """
import importlib, pkgutil, sys
for name in ("dagster", "dagster_pipes", "dagster_shared"):
    sys.modules[name] = None  # importing it fails from now on
import twin
for module in pkgutil.walk_packages(twin.__path__, "twin."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
heavy = {"torch", "transformers", "trl", "peft", "sentence_transformers", "openvino", "datasets"}
print(sorted(heavy & sys.modules.keys()))
"""


def test_every_module_is_imported_without_dagster_and_without_heavy_libraries() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
