"""Pack `linkedin-export/` into `linkedin-export.zip`, the form in which a member gets it.

The same folder gives the same bytes: names are sorted, times and permissions are fixed, nothing is compressed by an
algorithm whose output depends on the zlib at hand. Run it after every change: `python examples/pack_export.py`.
"""

import zipfile
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE / "linkedin-export"
ARCHIVE = HERE / "linkedin-export.zip"
_MOMENT = (2026, 11, 15, 12, 0, 0)


def pack(folder: Path, archive: Path) -> None:
    """Write every file of `folder` into `archive`, stored, under its path inside the folder."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _MOMENT)
                info.external_attr = 0o644 << 16
                info.create_system = 3
                packed.writestr(info, path.read_bytes())


if __name__ == "__main__":
    pack(FOLDER, ARCHIVE)
