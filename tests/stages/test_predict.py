import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.process import variables
from support.study import ROOT, SMALL, dump, only

from stages import decode as decode_stage
from stages import export, extract, fetch_weights, gram, predict
from stages.dataset import index, splits
from stages.dataset.pixels import Pixels, decode
from stages.kernels.gram import l2_normalise, read
from stages.runtime.errors import StageError
from stages.sources import synthetic
from stages.svm import dual, newton

PROBE = "squeeze/pool2"
Said = dict[str, tuple[str, float, str]]  # file to label, margin, runner-up


def build(folder: Path, params: dict[str, Any]) -> None:
    """Run the pipeline on data/images up to the model of `PROBE`, in the folder that is gone to."""
    dump(params, folder / "params.yaml")
    data, timings, (backbone, _) = folder / "data", folder / "t.json", PROBE.split("/")
    keys = index.list_images(data / "images")
    images = index.Index(keys, np.arange(len(keys)) % 2 == 0)
    index.write(data / "index.csv", images)
    decode_stage.main(images=data / "images", pixels=data / "images.h5", timings=timings)
    fetch_weights.main(backbone, weights=data / "weights" / f"{backbone}.pth")
    extract.main(
        backbone,
        pixels=data / "images.h5",
        weights=data / "weights" / f"{backbone}.pth",
        features=data / "features" / backbone,
        partial=data / "partial" / backbone,
        timings=timings,
    )
    features, K = data / "features" / f"{PROBE}.h5", data / "k.h5"
    gram.main(PROBE, features=features, kernel=K, timings=timings)
    train(data, images, params["svm"])
    export.main(
        PROBE,
        features=features,
        kernel=K,
        machine=data / "m.h5",
        rows=data / "index.csv",
        pixels=data / "images.h5",
        model=data / "models" / f"{PROBE}.h5",
    )


def decisions(data: Path, images: index.Index, settings: dict[str, Any]) -> Any:
    """The machine, and its decision values (n, k) by the kernel."""
    K, _ = read(data / "k.h5")
    K = l2_normalise(K) if settings["normalize"] == "l2" else K
    cross = K[:, images.train]
    machine = newton.fit(cross[images.train], images.y[images.train], C=settings["C"])
    return machine, machine.decide(cross)


def train(data: Path, images: index.Index, settings: dict[str, Any]) -> None:
    machine, _ = decisions(data, images, settings)
    about = {"rows": index.digest(images.keys), "split": splits.digest(images.train)}
    dual.write(data / "m.h5", machine, {**about, "normalize": settings["normalize"], "C": settings["C"]})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A study of grey pictures that ran."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        synthetic.write(folder / "data" / "images", classes=3, images_per_class=12)
        build(folder, SMALL)
    return folder


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project)
    dump(SMALL, project / "params.yaml")
    return project


def said(capsys: pytest.CaptureFixture[str], *images: Path | str) -> Said:
    capsys.readouterr()
    predict.main(*map(str, images), probe=PROBE)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    return {file: (label, float(margin), second) for file, label, margin, second in lines}


def expected(folder: Path, settings: dict[str, Any]) -> Said:
    """What the kernel says of each image of the data set."""
    images = index.read(folder / "data" / "index.csv")
    _, decided = decisions(folder / "data", images, settings)
    found = {}
    for (label, file), values in zip(images.keys, decided, strict=True):
        ranked = sorted(zip(values, images.classes, strict=True), reverse=True)
        (first, best), (second, next_best) = ranked[:2]
        found[f"data/images/{label}/{file}"] = (best, first - second, next_best)
    return found


def same(found: Said, wanted: Said) -> None:
    assert list(found) == list(wanted)
    for file, (label, margin, second) in wanted.items():
        assert found[file] == (label, pytest.approx(margin, rel=1e-3), second)


def test_it_says_of_the_data_set_what_the_pipeline_says(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = expected(here, SMALL["svm"])
    same(said(capsys, *wanted), wanted)
    assert len({label for label, _, _ in wanted.values()}) == 3


def test_so_it_does_in_colour_with_unit_lengths_and_float32(
    small: dict[str, Any], study: Callable[[dict[str, Any]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    small["svm"]["normalize"], small["extract"]["storage"] = "l2", "float32"
    folder, rng = study(small), np.random.default_rng(0)
    for label, tint in (("blue", (0, 0, 1)), ("red", (1, 0, 0))):
        (folder / "data" / "images" / label).mkdir(parents=True)
        for i in range(4):
            noise = rng.integers(0, 160, size=(50 + i, 70, 3)) + 60 * np.array(tint)
            picture = Image.fromarray(noise.astype(np.uint8))
            picture.save(folder / "data" / "images" / label / f"{i}.png")
    build(folder, small)
    wanted = expected(folder, small["svm"])
    same(said(capsys, *wanted), wanted)


def test_the_lines_are_aligned(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = list(expected(here, SMALL["svm"]))[::5]
    Image.open(files[0]).save("x.png")
    predict.main("x.png", *files, probe=PROBE)
    lines = capsys.readouterr().out.splitlines()
    starts = {tuple(word.start() for word in re.finditer(r"\S+", line)) for line in lines}
    assert len(lines) == len(files) + 1
    assert len(starts) == 1
    assert len(next(iter(starts))) == 4


def test_grey_pictures_are_decoded_as_prepare_does(here: Path) -> None:
    stored = Pixels(here / "data" / "images.h5")
    Image.open(here / "data" / "images" / stored.names[0]).save("x.jpg", quality=90)
    for row in (0, 20, 35):
        path = here / "data" / "images" / stored.names[row]
        assert np.array_equal(decode(path, 64, channels=1), stored[row : row + 1][0])
    colours = decode(Path("x.jpg"), 64)
    assert np.array_equal(colours, np.repeat(decode(Path("x.jpg"), 64, channels=1), 3, axis=0))


def test_a_colour_photo_is_made_grey_where_the_data_set_is(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before it is resized, as a grey version of the file would be."""
    rng = np.random.default_rng(1)
    photo = Image.fromarray(rng.integers(0, 256, size=(90, 70, 3), dtype=np.uint8))
    photo.save("colour.png")
    photo.convert("L").save("grey.png")
    found = said(capsys, "colour.png", "grey.png")
    assert found["colour.png"] == found["grey.png"]


def test_the_command_prints_and_fails_with_one_line(here: Path) -> None:
    params = {**SMALL, "runtime": {"device": "cpu", "batch_size": 1, "memory": 1}}
    dump(params, here / "params.yaml")
    (here / "note.txt").write_text("no image")
    good = next(iter(expected(here, SMALL["svm"])))
    command = [sys.executable, "-m", "stages.predict", good, "note.txt", "--probe", PROBE]
    result = subprocess.run(
        command,
        cwd=here,
        env=variables(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout.startswith(f"{good}  ")
    assert result.stderr.startswith("error: expected an image that can be decoded at note.txt")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        ("squeeze/pool3", r"one of squeeze/pool\d, .*shuffle/stage2; found squeeze/pool3"),
        ("fusion/both", r"found fusion/both, which is several layers together"),
        ("shuffle/stage2", r"found no such file.* dvc repro export@shuffle/stage2\.$"),
    ],
)
def test_probes_without_a_model_are_refused(probe: str, message: str, here: Path) -> None:
    with pytest.raises(StageError, match=message):
        predict.main("x.png", probe=probe)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model", "torchvision/squeezenet1_0"),
        ("weights", "random:1"),
        ("layers", "features.6"),
        ("mean", [0.1, 0.2, 0.3]),
    ],
)
def test_a_model_of_another_entry_is_refused(
    key: str, value: Any, here: Path, small: dict[str, Any]
) -> None:
    small["backbones"]["squeeze"][key] = {"pool2": value} if key == "layers" else value
    only(small, PROBE)
    dump(small, here / "params.yaml")
    match = rf"a model of .*{re.escape(str(value))}.*; found one of .*dvc repro export@squeeze/pool2\.$"
    with pytest.raises(StageError, match=match):
        predict.main("x.png", probe=PROBE)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("svm", "C", 0.25),
        ("svm", "normalize", "l2"),
        ("extract", "storage", "float32"),
        ("extract", "precision", "bfloat16"),
    ],
)
def test_a_model_of_other_features_or_another_svm_is_refused(
    section: str, key: str, value: object, here: Path, small: dict[str, Any]
) -> None:
    small[section][key] = value
    dump(small, here / "params.yaml")
    match = rf"{section}\.{key} {value}; found one of .*dvc repro export@squeeze/pool2\.$"
    with pytest.raises(StageError, match=match):
        predict.main("x.png", probe=PROBE)


def test_missing_weights_are_told(here: Path) -> None:
    with pytest.raises(
        StageError, match=r"weights at nowhere/squeeze.pth.* dvc repro fetch_weights@squeeze\.$"
    ):
        predict.main("x.png", probe=PROBE, weights=Path("nowhere"))


def test_a_missing_image_is_named(here: Path) -> None:
    with pytest.raises(StageError, match=r"decoded at absent\.png"):
        predict.main("absent.png", probe=PROBE)
