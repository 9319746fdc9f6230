from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.examples import Images, drawn
from support.results import backbone, result

from stages.dataset.duplicates import Pair
from stages.dataset.index import Index, Split
from stages.reporting.figures import uncertainty
from stages.reporting.learning import Learning, Point
from stages.reporting.predictions import Component
from stages.reporting.table import Result
from stages.runtime.probe import Probe

LONG = "a_backbone_with_a_name_that_is_far_too_long_for_any_axis"


def made(probe: str, accuracy: float, deviation: float = 0.01) -> Result:
    spread = {"std_accuracy": deviation, "std_tuned_accuracy": deviation}
    mean = {"mean_accuracy": accuracy - 0.01, "mean_tuned_accuracy": accuracy}
    return result(probe, accuracy, tuned_accuracy=accuracy + 0.01, **mean, **spread)


RESULTS = [
    *(made(f"vgg16/pool{i}", 0.5 + i / 20) for i in range(1, 6)),
    made(f"{LONG}/layer_with_a_long_name_too", 0.95),
    made("fusion/networks", 0.97),
]
PAIRS = [Pair(a, a + 1, False, 2 * a) for a in range(7)]
KEYS = [("küste", "image_$1$.jpg"), ("a|b <b>bold", "a file with far too long a name.png")] * 4
INDEX = Index(KEYS, Split.complete(np.arange(8) % 3 == 0))
PICTURES = [np.full((1 if i % 2 else 3, 8, 8), 30 * i, dtype=np.uint8) for i in range(8)]
IMAGES: Any = Images(PICTURES, KEYS)


@pytest.mark.parametrize("count", [1, 6, 7])
def test_every_row_has_its_spread(count: int, tmp_path: Path) -> None:
    uncertainty.spread(tmp_path / "s.png", RESULTS[:count])
    width, height = drawn(tmp_path / "s.png")
    backbones, run = {1: (1, 1), 6: (2, 6), 7: (3, 7)}[count]
    assert (width, height) == (7 * 150, pytest.approx((0.9 + 0.5 * backbones + 0.3 * run) * 150, abs=1))


def test_another_deviation_is_seen(tmp_path: Path) -> None:
    uncertainty.spread(tmp_path / "all.png", RESULTS)
    uncertainty.spread(tmp_path / "other.png", [*RESULTS[:-1], made("fusion/networks", 0.97, 0.05)])
    assert (tmp_path / "all.png").read_bytes() != (tmp_path / "other.png").read_bytes()


@pytest.mark.parametrize(("count", "lines"), [(1, 1), (3, 1), (4, 2), (7, 3)])
def test_three_pairs_in_a_line(count: int, lines: int, tmp_path: Path) -> None:
    uncertainty.duplicates(tmp_path / "d.png", PAIRS[:count], IMAGES, INDEX)
    assert drawn(tmp_path / "d.png") == (770, pytest.approx(1.62 * 110 * lines, abs=1))


def test_both_pictures_of_every_pair_are_shown(tmp_path: Path) -> None:
    """Four plain pictures, grey and in colour, stand from left to right."""
    colours = [(77, 77, 77), (10, 200, 10), (200, 10, 10), (140, 140, 140)]
    plain = [np.full((8, 8, 3), colour, np.uint8).transpose(2, 0, 1) for colour in colours]
    plain[0], plain[3] = plain[0][:1], plain[3][:1]
    images: Any = Images(plain, KEYS)
    uncertainty.duplicates(tmp_path / "d.png", [PAIRS[0], PAIRS[2]], images, INDEX)
    with Image.open(tmp_path / "d.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    places = [np.argwhere((pixels == colour).all(axis=2))[:, 1] for colour in colours]
    assert all(len(place) > 1000 for place in places)
    middles = [float(np.median(place)) for place in places]
    assert middles == sorted(middles)


def test_the_same_inputs_make_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        uncertainty.spread(tmp_path / f"{name}s.png", RESULTS)
        uncertainty.duplicates(tmp_path / f"{name}d.png", PAIRS, IMAGES, INDEX)
        made.append([(tmp_path / f"{name}{kind}.png").read_bytes() for kind in "sd"])
    assert made[0] == made[1]


@pytest.mark.parametrize("count", [1, 3, 7])
def test_components(count: int, tmp_path: Path) -> None:
    points = [Component(2**i, 0.1 * i, 0.1 * i, 0.1 * i, 0.1 * i, 0.01, 0.5 + i) for i in range(8)]
    curves = {Probe(LONG, str(i)): points for i in range(count)}
    uncertainty.components(tmp_path / "c.png", curves)
    assert drawn(tmp_path / "c.png") == (1050, 810)


def test_nothing_to_show_says_so(tmp_path: Path) -> None:
    uncertainty.components(tmp_path / "c.png", {})
    uncertainty.duplicates(tmp_path / "d.png", [], IMAGES, INDEX)
    drawn(tmp_path / "c.png")
    drawn(tmp_path / "d.png")


def test_learning(tmp_path: Path) -> None:
    points = [Point(1, 0.3, 0.1, False), Point(10, 0.7, 0.05, True), Point(100, 0.9, 0.01, True)]
    probes = [Probe("net", "a"), Probe("control", "a")]
    networks = [backbone("net", "m", "V1", []), backbone("control", "m", "random", [])]
    found = Learning(dict.fromkeys(probes, points), probes[0], None)
    uncertainty.learning(tmp_path / "l.png", found, networks)
    uncertainty.learning(tmp_path / "n.png", None, networks)
    drawn(tmp_path / "l.png")
    drawn(tmp_path / "n.png")
