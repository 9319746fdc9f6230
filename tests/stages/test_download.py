import hashlib
import io
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.loopback import Server
from support.study import ROOT, needs_scene15

from stages import download
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths

CONTENTS = {"coast/1.jpg": b"sea", "coast/2.jpg": b"sea", "street/1.jpg": b"car", "street/2.jpg": b"bus"}


def packed(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return buffer.getvalue()


WHOLE = packed({"repo-main/x/a.jpg": b"sea", "repo-main/b.png": b"car", "c": b"bus", "../../d": b"sea"})
HALF = packed({"a.jpg": b"sea"})


@pytest.fixture
def run(
    small: dict[str, Any], study: Callable[[dict[str, Any]], Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Run the stage on a manifest of CONTENTS; returns the folder of images."""
    monkeypatch.delenv("SCENE15", raising=False)
    fetch = download.http.download
    monkeypatch.setattr(download.http, "download", partial(fetch, retries=0))

    def call(**data: Any) -> Path:
        small["data"].update(folder="own", **data)
        folder = study(small)
        lines = [
            ",".join([*name.split("/"), "train", str(len(content)), hashlib.sha256(content).hexdigest()])
            for name, content in CONTENTS.items()
        ]
        paths = Paths(folder / "data", folder / "results")
        paths.manifest.parent.mkdir(exist_ok=True)
        paths.manifest.write_text("\n".join(["label,file,split,bytes,sha256", *lines, ""]))
        download.main(paths=paths)
        return paths.images

    return call


def contents(images: Path) -> dict[str, bytes]:
    return {str(path.relative_to(images)): path.read_bytes() for path in images.rglob("*.*")}


def test_the_first_complete_mirror_is_used(run: Callable[..., Path]) -> None:
    with Server({"/1.zip": WHOLE}) as server:
        images = run(
            source="scene15", mirrors=[f"{server.url}/0.zip", f"{server.url}/1.zip", "http://x/"]
        )
        assert server.requests == ["/0.zip", "/1.zip"]
    assert contents(images) == CONTENTS
    assert {path.name for path in images.parent.iterdir()} == {"images", "partial", "scene15.csv"}
    assert not list((images.parent / "partial").iterdir())


def test_mirrors_are_used_together(run: Callable[..., Path]) -> None:
    rest = packed({"x": b"car", "y": b"bus"})
    with Server({"/1.zip": HALF, "/2.zip": rest}) as server:
        assert (
            contents(run(source="scene15", mirrors=[f"{server.url}/1.zip", f"{server.url}/2.zip"]))
            == CONTENTS
        )


def test_every_incomplete_mirror_is_told(run: Callable[..., Path], tmp_path: Path) -> None:
    with Server({"/1.zip": HALF, "/2.zip": b"<html>moved</html>"}) as server:
        mirrors = [f"{server.url}/{i}.zip" for i in (1, 2, 3)]
        with pytest.raises(StageError) as caught:
            run(source="scene15", mirrors=mirrors)
    message = str(caught.value)
    assert f"{mirrors[0]}: 2 of 4 images (street 2) missing" in message
    assert f"{mirrors[1]}: neither a folder nor a zip or tar archive" in message
    assert f"{mirrors[2]}: 404 Client Error" in message
    assert "SCENE15=<archive or folder> dvc repro" in message
    assert [path.name for path in (tmp_path / "data").rglob("*") if path.is_file()] == ["scene15.csv"]


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_the_users_own_copy_needs_no_network(
    kind: str, run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    if kind == "zip":
        copy.write_bytes(WHOLE)
    else:
        (copy / "deep").mkdir(parents=True)
        for number, content in enumerate(CONTENTS.values()):
            (copy / "deep" / str(number)).write_bytes(content)
    monkeypatch.setenv("SCENE15", str(copy))
    with Server({"/1.zip": WHOLE}) as server:
        assert contents(run(source="scene15", mirrors=[f"{server.url}/1.zip"])) == CONTENTS
        assert server.requests == []


def test_an_empty_variable_names_no_copy(
    run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCENE15", "")
    with Server({"/1.zip": WHOLE}) as server:
        assert contents(run(source="scene15", mirrors=[f"{server.url}/1.zip"])) == CONTENTS


def test_an_incomplete_copy_does_not_fall_back_to_the_network(
    run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copy").write_bytes(HALF)
    monkeypatch.setenv("SCENE15", str(tmp_path / "copy"))
    with Server({"/1.zip": WHOLE}) as server:
        with pytest.raises(StageError, match=r"2 of 4 images \(street 2\) missing"):
            run(source="scene15", mirrors=[f"{server.url}/1.zip"])
        assert server.requests == []
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["scene15.csv"]


def test_the_users_own_images_are_copied(run: Callable[..., Path], tmp_path: Path) -> None:
    own = {"cats/1.png": b"1", "cats/2.png": b"2", "dogs/1.png": b"3"}
    for name, content in own.items():
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).write_bytes(content)
    (tmp_path / "own" / "notes.txt").touch()
    assert contents(run(source="folder")) == own
    (tmp_path / "own" / "dogs" / "puppies").mkdir()
    with pytest.raises(StageError, match="puppies inside the class dogs"):
        run(source="folder")


def put(folder: Path, *names: str) -> dict[str, bytes]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return {name: name.encode() for name in names}


def test_folders_train_and_test_are_kept_apart(run: Callable[..., Path], tmp_path: Path) -> None:
    """With equal names of files in both."""
    names = [f"{side}/{label}/1.png" for side in ("train", "test") for label in ("cats", "dogs")]
    own = put(tmp_path / "own", *names)
    put(tmp_path / "own", "notes.txt", ".hidden/x/1.png")
    expected = {name.split("/")[1] + f"/{name.split('/')[0]}/1.png": own[name] for name in names}
    assert contents(run(source="folder")) == expected


def test_a_class_may_be_called_train(run: Callable[..., Path], tmp_path: Path) -> None:
    own = put(tmp_path / "own", "train/1.png", "test/1.png", "bus/1.png")
    assert contents(run(source="folder")) == own


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["train/a/1", "train/b/1"], "train"),
        (["train/a/1", "val/a/1"], "train, val"),
        (["train/a/1", "test/a/1", "valid/a/1"], "test, train, valid"),
        (["train/a/1", "test/a/1", "other/1"], "other, test, train"),
    ],
)
def test_other_sides_are_refused(
    names: list[str], found: str, run: Callable[..., Path], tmp_path: Path
) -> None:
    put(tmp_path / "own", *names)
    with pytest.raises(StageError, match=rf"train and test, and no other, in own; found {found}\."):
        run(source="folder")


def test_a_side_needs_two_classes_of_files(run: Callable[..., Path], tmp_path: Path) -> None:
    put(tmp_path / "own", "train/a/1", "train/b/1", "test/a/1")
    with pytest.raises(StageError, match=r"one per class, in own/test; found 1 folders"):
        run(source="folder")
    put(tmp_path / "own", "test/b/deep/1")
    with pytest.raises(StageError, match="deep inside the class b"):
        run(source="folder")


def test_missing_images_of_the_user_are_told(run: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no such folder"):
        run(source="folder")
    (tmp_path / "own" / "cats").mkdir(parents=True)
    with pytest.raises(StageError, match="found 1 folders"):
        run(source="folder")


def test_generated_scenes_are_written(run: Callable[..., Path]) -> None:
    assert len(contents(run(source="synthetic"))) == 3 * 12


@needs_scene15
def test_the_real_scene15_is_complete(tmp_path: Path, study: Any, small: dict[str, Any]) -> None:
    small["data"].update(source="scene15")
    study(small)
    paths = Paths(tmp_path / "data", tmp_path / "results")
    paths.data.mkdir()
    shutil.copy(ROOT / "data" / "scene15.csv", paths.manifest)
    download.main(paths=paths)
    assert sum(1 for _ in paths.images.glob("*/*.jpg")) == 4485
