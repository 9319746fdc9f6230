import io
import itertools
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from support.pictures import scene

from stages.dataset import similarity
from stages.dataset.similarity import Candidate, candidates, coarse, correlations, fine

Change = Callable[[Image.Image], Image.Image]


def array(image: Image.Image) -> NDArray[np.uint8]:
    """As `decode` makes it: square, grey."""
    return np.asarray(image.convert("L").resize((96, 96), Image.Resampling.BILINEAR))


def compressed(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file)


def cropped(left: float, top: float, right: float, bottom: float) -> Change:
    """Cut a share off each side."""
    return lambda image: image.crop(
        (
            round(left * image.width),
            round(top * image.height),
            round((1 - right) * image.width),
            round((1 - bottom) * image.height),
        )
    )


SAME: dict[str, Change] = {
    "itself": lambda image: image,
    "moved to the right": cropped(0, 0, 0.05, 0),
    "moved to the right and up": cropped(0, 0.06, 0.06, 0),
    "larger by 3 %": cropped(0.015, 0.015, 0.015, 0.015),
    "larger by 10 %": cropped(0.05, 0.05, 0.05, 0.05),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "of less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.5),
    "gamma": lambda image: image.point([round(255 * (i / 255) ** 1.8) for i in range(256)]),
    "JPEG of quality 30": compressed,
    "half as large": lambda image: image.resize((image.width // 2, image.height // 2)),
    "all together": lambda image: compressed(
        ImageEnhance.Brightness(cropped(0.04, 0, 0, 0.03)(image)).enhance(0.8)
    ),
}
OTHER: dict[str, Change] = {
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "negative": ImageOps.invert,
    "constant": lambda image: Image.new("L", image.size, 128),
    "noise": lambda image: Image.fromarray(
        np.random.default_rng(0).integers(0, 256, image.size[::-1], dtype=np.uint8)
    ),
}


def pair(a: Image.Image, b: Image.Image) -> tuple[list[Candidate], float]:
    """Whether two pictures are candidates, and their similarity at the best coarse shift."""
    first, second = (coarse(array(image))[None] for image in (a, b))
    (shift,) = similarity.shifts(first, second).tolist()
    found = candidates(np.concatenate([first, second]))
    return found, similarity.similarity(fine(array(a)), fine(array(b)), *shift)


@pytest.mark.parametrize("change", SAME)
@pytest.mark.parametrize("seed", range(3))
def test_the_same_picture_is_found(change: str, seed: int) -> None:
    first, second = scene(seed), SAME[change](scene(seed))
    found, alike = pair(first, second)
    assert [(a, b) for a, b, *_ in found] == [(0, 1)]
    assert alike > 0.65


@pytest.mark.parametrize("seed", range(3))
def test_crops_that_share_more_than_half_are_found(seed: int) -> None:
    whole = scene(seed)
    found, alike = pair(whole.crop((0, 0, 92, 70)), whole.crop((24, 10, 116, 80)))
    assert [(a, b) for a, b, *_ in found] == [(0, 1)]
    assert alike > 0.65


@pytest.mark.parametrize("change", OTHER)
@pytest.mark.parametrize("seed", range(3))
def test_another_picture_is_not(change: str, seed: int) -> None:
    assert pair(scene(seed), OTHER[change](scene(seed)))[1] < 0.5


def test_other_scenes_are_not_alike() -> None:
    pictures = [scene(seed) for seed in range(12)]
    assert max(pair(a, b)[1] for i, a in enumerate(pictures) for b in pictures[:i]) < 0.5


def test_two_horizons_are_not_one_picture() -> None:
    """Sky above sea, and nothing else but grain, with the horizon at the same height."""

    def sea(seed: int) -> Image.Image:
        grain = np.random.default_rng(seed).normal(0, 3, (96, 128))
        return Image.fromarray((np.where(np.arange(96) < 40, 200, 90)[:, None] + grain).astype(np.uint8))

    assert pair(sea(0), sea(1))[1] < 0.5
    assert pair(sea(0), ImageEnhance.Brightness(sea(0)).enhance(0.9))[1] > 0.65


def test_a_picture_is_as_like_to_itself_as_can_be() -> None:
    a, b = (fine(array(scene(seed))) for seed in (0, 1))
    assert similarity.similarity(a, a) == pytest.approx(1, abs=1e-5)
    assert similarity.similarity(a, b) == similarity.similarity(b, a)


def test_brightness_does_not_matter() -> None:
    picture = array(scene(0)).astype(np.float32)
    np.testing.assert_allclose(fine(picture), fine(picture - 40), atol=1e-3)
    assert not fine(np.full((96, 96), 77)).any()
    assert not coarse(np.full((96, 96), 255)).any()


def test_correlations_are_those_of_the_parts_that_overlap() -> None:
    """Against numpy's own correlation coefficient, shift by shift."""
    left, right = np.random.default_rng(0).normal(size=(2, 4, 9, 9)).astype(np.float32)
    found = correlations(left, right)
    for i, j in np.ndindex(4, 4):
        scores = {}
        for y, x in itertools.product(range(-4, 5), repeat=2):
            share = (9 - abs(y)) * (9 - abs(x)) / 81
            here = left[i, max(y, 0) : 9 + min(y, 0), max(x, 0) : 9 + min(x, 0)]
            there = right[j, max(-y, 0) : 9 + min(-y, 0), max(-x, 0) : 9 + min(-x, 0)]
            if share >= 0.5:
                scores[y, x] = np.corrcoef(here.ravel(), there.ravel())[0, 1] * share**0.5
        assert found[i, j] == pytest.approx(max(scores.values()), abs=1e-5)
        (shift,) = similarity.shifts(left[i : i + 1], right[j : j + 1]).tolist()
        assert scores[tuple(shift)] == max(scores.values())


def related(n: int) -> NDArray[np.float32]:
    """Pictures, every third like the one before."""
    seeds = [i - (i % 3 == 2) for i in range(n)]
    return np.array([coarse(array(scene(seed))) for seed in seeds])


def test_candidates_do_not_depend_on_the_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, found = related(30), {}
    for tile in (1, 7, 30, 1024):
        monkeypatch.setattr(similarity, "_TILE", tile)
        found[tile] = candidates(pictures)
    assert found[1] == found[7] == found[30] == found[1024]
    assert {(i - 1, i) for i in range(2, 30, 3)} <= {(a, b) for a, b, *_ in found[1]}


def test_a_candidate_does_not_depend_on_the_other_pictures() -> None:
    pictures = related(12)
    together = {(a, b): shift for a, b, *shift in candidates(pictures)}
    for a in range(12):
        for b in range(a + 1, 12):
            alone = [shift for _, _, *shift in candidates(pictures[[a, b]])]
            assert alone == ([together[a, b]] if (a, b) in together else [])


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_pictures(n: int) -> None:
    assert candidates(np.zeros((n, similarity.COARSE, similarity.COARSE), np.float32)) == []


def test_memory_does_not_grow_with_the_number_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "_TILE", 64)
    rng, peaks = np.random.default_rng(0), []
    for n in (128, 640):
        pictures = rng.normal(size=(n, 16, 16)).astype(np.float32)
        tracemalloc.start()
        candidates(pictures)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
