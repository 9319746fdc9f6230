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
from stages.features.store import Features
from stages.kernels.gram import l2_normalise, read
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.runtime.view import View
from stages.sources import synthetic
from stages.svm import dual, newton

PROBE = Probe("squeeze", "pool2")
EXPORT = r"dvc repro export@squeeze/pool2\.$"
Predicted = dict[str, tuple[str, float, str]]  # file to label, margin, runner-up


def build(folder: Path, params: dict[str, Any]) -> None:
    """Run the pipeline on data/images up to the weights of `PROBE`, in the current folder."""
    dump(params, folder / "params.yaml")
    paths = Paths()
    decode_stage.main("square64", paths=paths)
    keys = Pixels(paths.pixels("square64")).keys
    images = index.Index(keys, index.Split.complete(np.arange(len(keys)) % 2 == 0))
    index.write(paths.index, images)
    fetch_weights.main(PROBE.backbone, paths=paths)
    extract.main(PROBE.backbone, paths=paths)
    gram.main(PROBE, paths=paths)
    train(images, params["svm"])
    export.main(PROBE, paths=paths)


def decisions(images: index.Index, settings: dict[str, Any]) -> Any:
    """The SVM, and its decision values (n, k) by the kernel."""
    K, _ = read(Paths().kernel(PROBE), PROBE)
    K = l2_normalise(K) if settings["normalize"] == "l2" else K
    cross = K[:, images.train]
    svm = newton.fit(cross[images.train], images.y[images.train], C=settings["C"])
    return svm, svm.decide(cross)


def train(images: index.Index, settings: dict[str, Any]) -> None:
    svm, _ = decisions(images, settings)
    about = {key: settings[key] for key in ("normalize", "C")}
    about |= {"relative_C": settings["grid"][0]}
    about |= {"rows": index.digest(images.keys), "split": splits.digest([images.split])}
    dual.write(Paths().dual(PROBE), svm, about)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A study of grey pictures whose stages have run."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        synthetic.write(Paths().images, classes=3, images_per_class=12)
        build(folder, SMALL)
    return folder


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project)
    dump(SMALL, project / "params.yaml")
    return project


def run(*images: str, probe: str = str(PROBE)) -> None:
    predict.main(*images, probe=probe, paths=Paths())


def predicted(capsys: pytest.CaptureFixture[str], *images: Path | str) -> Predicted:
    capsys.readouterr()
    run(*map(str, images))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    return {file: (label, float(margin), second) for file, label, margin, second in lines}


def expected(settings: dict[str, Any]) -> Predicted:
    """What the kernel predicts of each image of the data set."""
    images = index.read(Paths().index)
    _, decided = decisions(images, settings)
    found = {}
    for (label, file), values in zip(images.keys, decided, strict=True):
        ranked = sorted(zip(values, images.classes, strict=True), reverse=True)
        (first, best), (second, next_best) = ranked[:2]
        found[f"data/images/{label}/{file}"] = (best, first - second, next_best)
    return found


def same(found: Predicted, wanted: Predicted) -> None:
    assert list(found) == list(wanted)
    for file, (label, margin, second) in wanted.items():
        assert found[file] == (label, pytest.approx(margin, rel=1e-3), second)


def test_predictions_on_the_data_set_are_the_kernels(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = expected(SMALL["svm"])
    same(predicted(capsys, *wanted), wanted)
    assert len({label for label, _, _ in wanted.values()}) == 3


def test_predictions_in_colour_with_unit_lengths_and_float32_are_the_kernels(
    small: dict[str, Any], study: Callable[[dict[str, Any]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    small["svm"]["normalize"], small["extract"]["storage"] = "l2", "float32"
    folder, rng = study(small), np.random.default_rng(0)
    for label, tint in (("blue", (0, 0, 1)), ("red", (1, 0, 0))):
        (Paths().images / label).mkdir(parents=True)
        for i in range(4):
            noise = rng.integers(0, 160, size=(50 + i, 70, 3)) + 60 * np.array(tint)
            picture = Image.fromarray(noise.astype(np.uint8))
            picture.save(Paths().images / label / f"{i}.png")
    build(folder, small)
    wanted = expected(small["svm"])
    same(predicted(capsys, *wanted), wanted)


def test_predictions_of_a_pooled_layer_are_the_kernels(
    small: dict[str, Any], study: Callable[[dict[str, Any]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    small["backbones"]["squeeze"]["layers"]["pool2"] = {"module": "features.5", "pool": "mean"}
    folder = study(small)
    synthetic.write(Paths().images, classes=3, images_per_class=6)
    build(folder, small)
    made = Features(Paths().features(PROBE))
    assert (made.d, made.provenance.pool, made.provenance.shape) == (128, "mean", (128,))
    wanted = expected(small["svm"])
    same(predicted(capsys, *wanted), wanted)


def test_the_lines_are_aligned(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = list(expected(SMALL["svm"]))[::5]
    Image.open(files[0]).save("x.png")
    run("x.png", *files)
    lines = capsys.readouterr().out.splitlines()
    starts = {tuple(word.start() for word in re.finditer(r"\S+", line)) for line in lines}
    assert len(lines) == len(files) + 1
    assert len(starts) == 1
    assert len(next(iter(starts))) == 4


def test_grey_pictures_are_decoded_as_decode_does(here: Path) -> None:
    stored = Pixels(Paths().pixels("square64"))
    Image.open(Paths().images / stored.names[0]).save("x.jpg", quality=90)
    for row in (0, 20, 35):
        path = Paths().images / stored.names[row]
        assert np.array_equal(decode(path, View(64), channels=1), stored[row : row + 1][0])
    colours = decode(Path("x.jpg"), View(64))
    assert np.array_equal(colours, np.repeat(decode(Path("x.jpg"), View(64), channels=1), 3, axis=0))


def test_a_colour_photo_is_made_grey_where_the_data_set_is(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The photo is made grey before it is resized, as a grey version of the file would be."""
    rng = np.random.default_rng(1)
    photo = Image.fromarray(rng.integers(0, 256, size=(90, 70, 3), dtype=np.uint8))
    photo.save("colour.png")
    photo.convert("L").save("grey.png")
    lines = predicted(capsys, "colour.png", "grey.png")
    assert lines["colour.png"] == lines["grey.png"]


def test_the_command_prints_and_fails_with_one_line(here: Path) -> None:
    params = {**SMALL, "runtime": {"device": "cpu", "batch_size": 1, "memory": 1}}
    dump(params, here / "params.yaml")
    (here / "note.txt").write_text("no image")
    good = next(iter(expected(SMALL["svm"])))
    command = [sys.executable, "-m", "stages.predict", good, "note.txt", "--probe", str(PROBE)]
    env = variables(PYTHONPATH=str(ROOT))
    result = subprocess.run(command, cwd=here, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stdout.startswith(f"{good}  ")
    assert result.stderr.startswith("error: expected an image that can be decoded at note.txt")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        ("squeeze/pool3", r"one of squeeze/pool\d, .*shuffle/stage2; found squeeze/pool3"),
        ("fusion/both", r"found fusion/both, which is several layers together"),
        ("shuffle/stage2", r"not exported.* add shuffle/stage2 to predict\.probes .*, then dvc repro "),
    ],
)
def test_probes_without_weights_are_refused(probe: str, message: str, here: Path) -> None:
    with pytest.raises(StageError, match=message):
        run("x.png", probe=probe)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model", "torchvision/squeezenet1_0"),
        ("weights", "random:1"),
        ("layers", "features.6"),
        ("layers", {"module": "features.5", "pool": "max"}),
        ("mean", [0.1, 0.2, 0.3]),
    ],
)
def test_weights_for_another_entry_are_refused(
    key: str, value: Any, here: Path, small: dict[str, Any]
) -> None:
    small["backbones"]["squeeze"][key] = {"pool2": value} if key == "layers" else value
    only(small, str(PROBE))
    dump(small, here / "params.yaml")
    value = tuple(value) if isinstance(value, list) else value
    value = "pool max" if isinstance(value, dict) else value
    match = rf"weights for .*{re.escape(str(value))}.*; found weights for .*{EXPORT}"
    with pytest.raises(StageError, match=match):
        run("x.png")


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("svm", "grid", [0.25, 0.5]),
        ("svm", "normalize", "l2"),
        ("extract", "storage", "float32"),
        ("extract", "precision", "bfloat16"),
    ],
)
def test_weights_for_other_features_or_settings_are_refused(
    section: str, key: str, value: object, here: Path, small: dict[str, Any]
) -> None:
    small[section][key] = value
    dump(small, here / "params.yaml")
    wanted = "relative_C of 0.25, 0.5" if key == "grid" else f"{key} {value}"
    match = (
        rf"weights for {wanted}; found weights for {'relative_C' if key == 'grid' else key} .*{EXPORT}"
    )
    with pytest.raises(StageError, match=match):
        run("x.png")


def test_weights_for_another_view_are_refused(here: Path, small: dict[str, Any]) -> None:
    small["views"]["square64"]["crop"] = 32
    dump(small, here / "params.yaml")
    match = rf"weights for view resize64_crop32_bilinear; found weights for view .*{EXPORT}"
    with pytest.raises(StageError, match=match):
        run("x.png")


def test_missing_weights_are_told(here: Path) -> None:
    weights = Paths().weights("squeeze")
    away = weights.rename(here / "away.pth")
    match = rf"weights at {weights}; found no such file.* dvc repro fetch_weights@squeeze\.$"
    try:
        with pytest.raises(StageError, match=match):
            run("x.png")
    finally:
        away.rename(weights)


def test_a_missing_image_is_named(here: Path) -> None:
    with pytest.raises(StageError, match=r"decoded at absent\.png"):
        run("absent.png")
