import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.extraction import images_of, run_extract

from stages import extract
from stages.dataset.pixels import Pixels
from stages.features.segments import Segments
from stages.features.store import Features
from stages.networks import models
from stages.networks.taps import Taps
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths


def test_extract_normalises_and_repeats_the_grey_channel(
    folder: Path, small: dict[str, Any], study: Any
) -> None:
    small["backbones"]["squeeze"].update(mean=[0.1, 0.2, 0.3], std=[0.5, 0.6, 0.7])
    small["extract"]["storage"] = "float32"
    study(small)
    images_of(folder)
    stored = Features(run_extract(folder, "squeeze", "features") / "pool1.h5")
    pixels = torch.from_numpy(Pixels(Paths().pixels("square64"))[0:9]).float() / 255
    mean, std = (
        torch.tensor(small["backbones"]["squeeze"][k]).view(1, 3, 1, 1) for k in ("mean", "std")
    )
    network = models.build("torchvision/squeezenet1_1")
    network.load_state_dict(torch.load(Paths().weights("squeeze"), weights_only=True))
    with torch.inference_mode():
        expected = network.features[:3]((pixels.repeat(1, 3, 1, 1) - mean) / std).flatten(1)  # type: ignore[index]
    assert np.allclose(np.hstack(list(stored.blocks())), expected, rtol=1e-4, atol=1e-5)
    assert stored.provenance.module == "features.2"
    assert (stored.provenance.mean, stored.provenance.std) == ((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    assert stored.provenance.rows == Pixels(Paths().pixels("square64")).row_digest


def test_the_timings_tell_what_a_cut_pass_costs(folder: Path) -> None:
    images_of(folder)
    run_extract(folder, "squeeze", "features")
    layers = json.loads(Paths().timings("extract", "squeeze").read_text())["layers"]
    assert 0 < layers["pool1"]["forward_seconds"] < layers["pool2"]["forward_seconds"]
    assert layers["pool1"]["copy_seconds"] > 0
    assert layers["pool1"]["write_seconds"] > 0


def test_a_layer_that_needs_a_missing_head_is_refused_before_the_pass(
    folder: Path, small: dict[str, Any], study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    small["backbones"]["squeeze"]["layers"]["last"] = "classifier.1"
    small["backbones"]["squeeze"]["weights"] = "data/own/weights/mine.pth"
    study(small)
    images_of(folder)
    state = models.build("torchvision/squeezenet1_1").state_dict()
    own = folder / "data" / "own" / "weights" / "mine.pth"
    own.parent.mkdir(parents=True)
    torch.save({name: tensor for name, tensor in state.items() if "classifier" not in name}, own)
    with monkeypatch.context() as patch:
        patch.setattr(Taps, "start", lambda *_: pytest.fail("the pass has begun"))
        with pytest.raises(StageError, match=r"layer last \(classifier.1\) .* without classifier.1"):
            run_extract(folder, "squeeze", "features")
    del small["backbones"]["squeeze"]["layers"]["last"]
    study(small)
    assert Features(run_extract(folder, "squeeze", "features") / "pool2.h5").n == 9


def test_an_extraction_that_fails_leaves_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images_of(folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Segments, "append", full)
    with pytest.raises(OSError, match="No space left"):
        run_extract(folder, "squeeze", "features")
    assert not list(Paths().feature_folder("squeeze").parent.glob("*"))


class Killed(BaseException):
    """An error that no code of the project catches."""


@pytest.mark.parametrize("batch", [8, 10])
@pytest.mark.parametrize("at", [1, 4, 5, 6, 7, 8])
def test_an_interrupted_extraction_is_resumed_and_gives_the_same_bytes(
    at: int, batch: int, folder: Path, small: dict[str, Any], study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """90 images; a segment has 32 rows; progress is recorded where a batch ends with a segment."""
    small["runtime"]["batch_size"] = batch
    study(small)
    images_of(folder, count=30)
    whole = run_extract(folder, "squeeze", "whole")
    batches: list[int] = []
    start = Taps.start

    def until(taps: Taps, images: torch.Tensor, names: list[str]) -> Any:
        batches.append(len(images))
        if len(batches) == at:
            raise Killed
        return start(taps, images, names)

    monkeypatch.setattr(Taps, "start", until)
    with pytest.raises(Killed):
        run_extract(folder, "squeeze", "features")
    assert not Paths().feature_folder("squeeze").exists()
    # The batch before the killed one may not be kept yet; all earlier ones are.
    sure = max(at - 2, 0) * batch
    batches[:] = [0] * at  # not to be killed again
    run_extract(folder, "squeeze", "features")
    common = math.lcm(batch, 32)
    again = sum(batches[at:])
    assert again in {90 - row // common * common for row in (sure, sure + batch)}
    for path in whole.iterdir():
        assert path.read_bytes() == (folder / "features" / path.name).read_bytes()
    assert not Paths().partial("squeeze").exists()


def test_rows_of_another_number_of_threads_are_not_continued(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last bits may depend on it, and a file of features has one origin."""
    images_of(folder, count=30)
    start, threads = Taps.start, torch.get_num_threads()
    rows: list[int] = []

    def until(taps: Taps, images: torch.Tensor, names: list[str]) -> Any:
        rows.append(len(images))
        if len(rows) == 7:
            raise Killed
        return start(taps, images, names)

    monkeypatch.setattr(Taps, "start", until)
    with pytest.raises(Killed):
        run_extract(folder, "squeeze", "features")
    assert (Paths().partial("squeeze") / "progress.json").exists()
    try:
        torch.set_num_threads(threads + 1)
        run_extract(folder, "squeeze", "features")
    finally:
        torch.set_num_threads(threads)
    assert sum(rows[7:]) == 90


class Small:
    """`Taps.start` of a GPU that holds `most` images at once."""

    def __init__(self, most: int) -> None:
        self.most, self.tried, self.start = most, [], Taps.start

    def __get__(self, taps: Taps, _: type) -> Any:
        def start(images: torch.Tensor, names: list[str]) -> Any:
            self.tried.append(len(images))
            if len(images) > self.most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return self.start(taps, images, names)

        return start


def test_a_batch_that_does_not_fit_is_halved_and_nothing_is_lost(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images_of(folder)
    whole = run_extract(folder, "squeeze", "whole")
    monkeypatch.setattr(Taps, "start", gpu := Small(most=3))
    halved = run_extract(folder, "squeeze", "halved")
    assert gpu.tried == [8, 4, 2, 2, 2, 2, 1]
    assert "8 images do not fit in the memory of cpu: half of them" in capsys.readouterr().out
    for path in whole.iterdir():
        assert path.read_bytes() == (halved / path.name).read_bytes()


def test_an_image_that_does_not_fit_alone_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images_of(folder)
    monkeypatch.setattr(Taps, "start", Small(most=0))
    with pytest.raises(StageError, match=r"one image to go through squeeze.*Tried to allocate"):
        run_extract(folder, "squeeze", "features")


def test_in_bfloat16_features_are_near_and_say_so(
    folder: Path, small: dict[str, Any], study: Any
) -> None:
    images_of(folder)
    exact = Features(run_extract(folder, "squeeze", "exact") / "pool1.h5")
    small["extract"]["precision"] = "bfloat16"
    study(small)
    rounded = Features(run_extract(folder, "squeeze", "rounded") / "pool1.h5")
    assert (exact.provenance.precision, rounded.provenance.precision) == ("float32", "bfloat16")
    X, Y = (np.hstack(list(stored.blocks())).astype(np.float64) for stored in (exact, rounded))
    assert 0 < np.linalg.norm(X - Y) < 0.02 * np.linalg.norm(X)


def test_images_whose_kernel_will_not_fit_are_refused_first(
    folder: Path, small: dict[str, Any], study: Any
) -> None:
    images_of(folder)
    small["runtime"]["memory"] = 1e-6
    study(small)
    with pytest.raises(StageError, match=r"at most 6 images.*found 9 images"):
        run_extract(folder, "squeeze", "features")
    assert not Paths().feature_folder("squeeze").exists()


def test_one_batch_is_written_while_the_next_is_made() -> None:
    """Batches stay in order, no more than one waits, and a writer's error comes through."""
    events: list[str] = []

    def keep(rows: extract.Rows) -> None:
        time.sleep(0.02)
        number = int(rows()["a"])
        events.append(f"written {number}")
        if number == 3:
            raise OSError(28, "No space left on device")

    def made() -> Iterator[extract.Rows]:
        for number in range(6):
            events.append(f"made {number}")
            yield lambda number=number: {"a": torch.tensor(number)}

    with pytest.raises(OSError, match="No space left"):
        extract.write_behind(made(), keep)
    assert events.index("made 1") < events.index("written 0")
    assert [event for event in events if "written" in event] == [f"written {i}" for i in range(4)]
    assert "made 5" not in events
