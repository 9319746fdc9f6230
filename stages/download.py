"""Get the images: data/images/<label>/<file>.

    dvc repro download
    SCENE15=<archive or folder> dvc repro download      (a copy that you have; no network)

The images of 15 Scene are identified by content, so an archive or folder may have any layout. Reads
the manifest and a source from `data` in params.yaml; writes the images.
"""

import hashlib
import os
import shutil
from pathlib import Path

from stages.runtime import command, files
from stages.runtime.errors import StageError
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.sources import archive, http, manifest, synthetic

# The size limit of an archive of 15 Scene; the largest mirror has 0.2 GB.
MOST_BYTES = 2 * 10**9
# A folder of this name that holds folders is a side of a split, and no class.
_SIDES = {"train", "test", "val", "valid", "validation"}


def main(*, paths: Paths) -> None:
    """Fill data/images from 15 Scene, from the user's `data.folder`, or with generated scenes."""
    data, partial = load_params()["data"], paths.partial("download")
    with files.whole_folder(paths.images) as filled:
        if data["source"] == "scene15":
            own_copy = os.environ.get("SCENE15")
            scene15(paths.manifest, data["mirrors"], filled, own_copy, partial)
        elif data["source"] == "folder":
            copy_classes(Path(data["folder"]), filled)
        else:
            synthetic.write(filled, **data["synthetic"])
    shutil.rmtree(partial, ignore_errors=True)


def scene15(listed: Path, mirrors: list[str], images: Path, own_copy: str | None, partial: Path) -> None:
    """Collect 15 Scene from `own_copy`, or without one from the mirrors in turn until it is complete.

    `partial` keeps an interrupted download for the next run.
    Raises `StageError` with the fault of each source.
    """
    entries = manifest.read(listed)
    refusals = []
    for source in [own_copy] if own_copy else mirrors:
        reason, archives = "", []
        try:
            if own_copy:
                archives = manifest.place(archive.members(Path(source).expanduser()), entries, images)
            else:
                archives = _from_mirror(source, entries, images, partial)
        except (archive.ArchiveError, http.FetchError) as error:
            reason = str(error)
        absent = manifest.missing(entries, images)
        if not absent:
            return
        nested = f"; it holds archives itself: unpack {', '.join(archives[:3])}" if archives else ""
        refusals.append(f"{source}: {reason or f'{absent} missing{nested}'}")
    raise StageError(
        expected=f"the {len(entries)} images listed in {listed}",
        found="no complete source: " + "; ".join(refusals or ["data.mirrors is empty"]),
        cause="an incomplete or altered copy" if own_copy else "no network, or mirrors that moved",
        do="SCENE15=<archive or folder> dvc repro, with a complete copy that you have",
    )


def copy_classes(folder: Path, images: Path) -> None:
    """Copy the user's own `folder/<label>/<file>`.

    `folder/train/<label>/<file>` becomes `images/<label>/train/<file>`; so does `test`.
    Raises `StageError` if there are fewer than two classes, folders inside a class, or if folders of
    classes are in only one of `train` and `test` or in a third such folder.
    """
    if not folder.is_dir():
        raise _no_classes(folder, "no such folder")
    sides = _sides(folder)
    for side in sides or [""]:
        labels = _folders(folder / side)
        if len(labels) < 2:
            raise _no_classes(folder / side, f"{len(labels)} folders")
        for label in labels:
            files = [path for path in sorted(label.iterdir()) if path.name[0] != "."]
            if nested := [path for path in files if path.is_dir()]:
                raise _no_classes(folder, f"the folder {nested[0]} inside the class {label.name}")
            (images / label.name / side).mkdir(parents=True)
            for file in files:
                shutil.copyfile(file, images / label.name / side / file.name)


def _sides(folder: Path) -> list[str]:
    """The folders `train` and `test` with folders of classes; none if `folder` holds the classes.

    A class may be called train: it holds files.
    """
    folders = _folders(folder)
    if not any(path.name in _SIDES and _folders(path) for path in folders):
        return []
    names = [path.name for path in folders]
    if names != ["test", "train"]:
        raise StageError(
            expected=f"the folders train and test, and no other, in {folder}",
            found=", ".join(names),
            cause="an incomplete split, or validation images beside it",
            do="name the two folders train and test, and move any other into one of them or elsewhere",
        )
    return names


def _folders(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] != "."]


def _from_mirror(url: str, entries: list[manifest.Entry], images: Path, partial: Path) -> list[str]:
    folder = partial / hashlib.sha256(url.encode()).hexdigest()[:16]
    archived = http.download(url, folder, most=MOST_BYTES)
    try:
        return manifest.place(archive.members(archived), entries, images)
    finally:
        shutil.rmtree(folder)


def _no_classes(folder: Path, found: str) -> StageError:
    return StageError(
        expected=f"two or more folders of images, one per class, in {folder}",
        found=found,
        cause="data.folder names another folder, or the images are not there yet",
        do="put images at <folder>/<class>/<image>, or at <folder>/train/<class>/<image> and "
        "<folder>/test/<class>/<image>, or edit data in params.yaml",
    )


if __name__ == "__main__":
    command.run(main)
