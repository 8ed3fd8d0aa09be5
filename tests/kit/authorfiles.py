"""Author files that cannot be used, each in its own way."""

import os
from pathlib import Path

_MERGED = "".join(f"k{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}\n" for n in range(1, 10))

BROKEN = {
    "unknown-user": "name: A\nlinks:\n- files: ~nosuchuser/notes/*.md\n",
    "unknown-user-alone": "name: A\nlinks:\n- ~nosuchuser/notes\n",
    "half-character": 'name: A\nlinks:\n- files: "a\\ud800"\n',
    "half-character-in-name": 'name: "A\\ud800"\n',
    "long-name": f"name: A\nlinks:\n- {'x' * 300}\n",
    "tag": "name: !!bool x\n",
    "empty-number": 'name: !!int ""\n',
    "timestamp": "name: !!timestamp x\n",
    "base-60": "name: 1" + ":59" * 3000 + "\n",
    "merge-keys": f"name: A\nk0: &m0 {{a: b}}\n{_MERGED}",
    "deep": "name: " + "[" * 5000 + "\n",
    "pipe-as-export": "name: A\nlinks:\n- pipe.zip\n",
    "not-yaml": "name: A\nlinks: [\n",
}


def write_broken_files(folder: Path) -> list[str]:
    """Write every kind of broken author file into a folder; return their slugs, sorted."""
    for slug, content in BROKEN.items():
        (folder / f"{slug}.yaml").write_text(content, encoding="utf-8")
    os.mkfifo(folder / "pipe.zip")
    os.mkfifo(folder / "pipe.yaml")
    (folder / "device.yaml").symlink_to("/dev/zero")
    (folder / "kernel.yaml").symlink_to("/proc/kmsg")
    (folder / "latin.yaml").write_bytes(b"name: Ad\xe9\n")
    return sorted([*BROKEN, "pipe", "device", "kernel", "latin"])
