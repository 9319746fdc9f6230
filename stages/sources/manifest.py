"""The manifest: the images of 15 Scene, identified by sha256, not by name."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.runtime.errors import StageError
from stages.runtime.files import read_csv
from stages.sources.archive import Member

_COLUMNS = ["label", "file", "split", "bytes", "sha256"]
ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}


@dataclass(frozen=True)
class Entry:
    """One image: label, file name, published split (train or test), size in bytes, digest."""

    label: str
    file: str
    split: str
    size: int
    sha256: str


def read(path: Path) -> list[Entry]:
    """Read the manifest; raise `StageError` unless its columns are label, file, split, bytes, sha256."""
    lines = read_csv(path)
    columns = list(lines[0]) if lines else ["no line"]
    if columns != _COLUMNS:
        raise StageError(
            expected=f"the columns {', '.join(_COLUMNS)} in {path}",
            found=", ".join(columns),
            cause="the manifest was edited",
            do=f"git checkout {path}",
        )
    return [
        Entry(line["label"], line["file"], line["split"], int(line["bytes"]), line["sha256"])
        for line in lines
    ]


def place(members: Iterable[Member], entries: Sequence[Entry], folder: Path) -> list[str]:
    """Write each member whose content is in `entries` to every `folder/<label>/<file>` that has it.

    Names in the archive are never used as paths, so a hostile archive cannot write elsewhere. Only
    members of a listed size are read, so a zip bomb is not unpacked. Return the names of nested
    archives, which are not searched.
    """
    places = defaultdict(list)
    for entry in entries:
        places[entry.sha256].append(folder / entry.label / entry.file)
    sizes = {entry.size for entry in entries}
    archives = []
    for member in members:
        if Path(member.name).suffix in ARCHIVES:
            archives.append(member.name)
        if member.size not in sizes:
            continue
        content = member.read()
        for path in places.pop(hashlib.sha256(content).hexdigest(), []):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return archives


def missing(entries: Sequence[Entry], folder: Path) -> str:
    """The absent images, such as `3 of 4485 images (kitchen 2, street 1)`; "" if there are none."""
    absent = Counter(e.label for e in entries if not (folder / e.label / e.file).exists())
    if not absent:
        return ""
    classes = ", ".join(f"{label} {count}" for label, count in sorted(absent.items()))
    return f"{absent.total()} of {len(entries)} images ({classes})"
