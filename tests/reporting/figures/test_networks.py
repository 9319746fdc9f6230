from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from support.examples import drawn, inspection

from stages.inspection.record import FIRST, Predictions
from stages.reporting.figures import networks


def test_answers_and_confidence(tmp_path: Path) -> None:
    seen = inspection()
    assert isinstance(seen.said, Predictions)
    networks.answers(tmp_path / "a.png", seen, 0)
    networks.confidence(tmp_path / "c.png", seen.said)
    assert drawn(tmp_path / "a.png")[0] == drawn(tmp_path / "c.png")[0] == 1050


@pytest.mark.parametrize("channels", [1, 3, 32, 64])
def test_maps_of_any_number(channels: int, tmp_path: Path) -> None:
    seen = inspection()
    seen.maps[FIRST] = np.random.default_rng(0).random((2, channels, 16, 16), dtype=np.float32)
    networks.activation_maps(tmp_path / "m.png", seen, 1)
    assert drawn(tmp_path / "m.png")[0] == 770


def test_a_network_without_a_first_convolution(tmp_path: Path) -> None:
    seen = inspection()
    del seen.maps[FIRST]
    networks.activation_maps(tmp_path / "m.png", seen, 0)
    drawn(tmp_path / "m.png")


def test_each_map_stands_in_its_place() -> None:
    axis = Figure().subplots()
    maps = np.zeros((3, 4, 4), dtype=np.float32)
    maps[0, 0, 0] = maps[1, 0, 3] = maps[2, 3, 0] = 5
    networks.mosaic(axis, maps, 2)
    picture = np.ma.filled(axis.get_images()[0].get_array(), np.nan)
    assert picture.shape == (10, 10)
    assert [tuple(place) for place in np.argwhere(picture > 0)] == [(0, 0), (0, 8), (8, 0)]
    assert np.isnan(picture[:, 4]).all()  # the gap
    assert np.isnan(picture[5:, 5:]).all()  # no fourth map


def test_the_same_inspection_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("1.png", "2.png"):
        networks.activation_maps(tmp_path / name, inspection(), 0)
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()
