"""Get the images: data/images/<label>/<file>.

    dvc repro download
    SCENE15=<archive or folder> dvc repro download      (a copy that you have; no network)

15 Scene is found by content: any archive or folder that holds the 4,485 images will do, whatever its
layout. Reads the manifest and a source from `data` in params.yaml; writes the images.
"""

import os
import shutil
import tempfile
from pathlib import Path

from stages.core import archive, command, config, fetch, output, synthetic
from stages.core import manifest as manifests
from stages.core.command import StageError


def main(*, manifest: Path, folder: Path, images: Path) -> None:
    """Fill `images` from 15 Scene, from the user's `folder`, or with generated scenes."""
    data = config.load()["data"]
    with output.whole_folder(images) as partial:
        if data["source"] == "scene15":
            scene15(manifest, data["mirrors"], partial, os.environ.get("SCENE15"))
        elif data["source"] == "folder":
            copy_classes(folder, partial)
        else:
            synthetic.write(partial, **data["synthetic"])


def scene15(listed: Path, mirrors: list[str], images: Path, own_copy: str | None) -> None:
    """Collect 15 Scene from the user's copy, or else from the mirrors in turn until it is complete.

    Raises `StageError` with what each source lacked. A set SCENE15 means that the network is not used.
    """
    entries = manifests.read(listed)
    refusals = []
    for source in [own_copy] if own_copy else mirrors:
        reason = ""
        try:
            if own_copy:
                manifests.place(archive.members(Path(source).expanduser()), entries, images)
            else:
                _from_mirror(source, entries, images)
        except (archive.ArchiveError, fetch.FetchError) as error:
            reason = str(error)
        absent = manifests.missing(entries, images)
        if not absent:
            return
        refusals.append(f"{source}: {reason or f'{absent} missing'}")
    raise StageError(
        expected=f"the {len(entries)} images listed in {listed}",
        found="no complete source: " + "; ".join(refusals or ["data.mirrors is empty"]),
        cause="an incomplete or altered copy" if own_copy else "no network, or mirrors that moved",
        do="SCENE15=<archive or folder> dvc repro, with a complete copy that you have",
    )


def copy_classes(folder: Path, images: Path) -> None:
    """Copy the user's own `folder/<label>/<file>`.

    Raises `StageError` if there are fewer than two classes, or folders inside a class.
    """
    if not folder.is_dir():
        raise _no_classes(folder, "no such folder")
    labels = [path for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] != "."]
    if len(labels) < 2:
        raise _no_classes(folder, f"{len(labels)} folders")
    for label in labels:
        files = [path for path in sorted(label.iterdir()) if path.name[0] != "."]
        if nested := [path for path in files if path.is_dir()]:
            raise _no_classes(folder, f"the folder {nested[0]} inside the class {label.name}")
        (images / label.name).mkdir()
        for file in files:
            shutil.copyfile(file, images / label.name / file.name)


def _from_mirror(url: str, entries: list[manifests.Entry], images: Path) -> None:
    with tempfile.TemporaryDirectory(dir=images.parent) as folder:
        manifests.place(archive.members(fetch.download(url, Path(folder))), entries, images)


def _no_classes(folder: Path, found: str) -> StageError:
    return StageError(
        expected=f"two or more folders of images, one per class, in {folder}",
        found=found,
        cause="data.folder names another folder, or the images were not put there yet",
        do="put images at <folder>/<class>/<image>, or edit data in params.yaml",
    )


if __name__ == "__main__":
    command.run(main)
