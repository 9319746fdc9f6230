import numpy as np
import pytest
from support.examples import inspection
from support.results import backbone

from stages.inspection.record import FIRST
from stages.reporting import picture_answers
from stages.reporting.picture_answers import FirstMaps


def test_maps_that_follow_brightness_and_edges() -> None:
    """Four maps made by hand: the picture, its negative, its edges, and a constant."""
    picture = np.full((32, 32), 20.0)
    picture[:, 16:] = 220
    picture[20:, 4:9] = 130
    edges = np.hypot(*np.gradient(picture))
    made = inspection(
        names=["x"],
        pixels=np.broadcast_to(picture, (1, 3, 32, 32)).astype(np.uint8),
        maps={FIRST: np.stack([picture, -picture, edges, 0 * picture])[None]},
    )
    assert picture_answers.first_maps(made) == FirstMaps(4, 2, 1, 1)


@pytest.mark.parametrize(
    ("shape", "text"), [((512, 7, 7), "7 x 7 x 512"), ((4096,), "4,096"), ((197, 768), "197 x 768")]
)
def test_sizes(shape: tuple[int, ...], text: str) -> None:
    assert picture_answers.size(shape) == text


def test_networks_whose_copies_of_a_grey_channel_stay_equal() -> None:
    """What EfficientNet-Lite0 was trained with, and what torchvision's networks were."""
    same = {"mean": [0.5] * 3, "std": [0.5] * 3}
    other = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    pixels = {"channels": 1, "pixel_mean": [0.4] * 3, "pixel_std": [0.2] * 3, "colours": [0, 1, 2]}
    networks = [
        backbone(name, name, "V1", [], inspection=inspection(facts={**pixels, **facts}))
        for name, facts in (("lite", same), ("vgg", other))
    ]
    found = picture_answers.channels(networks)
    assert [(one.name, one.colour) for one in found[:2]] == [("lite", "red"), ("", "green")]
    assert found[0].expected == (0.5, 0.5)
    assert found[0].after == pytest.approx((-0.2, 0.4))
    assert picture_answers.alike_channels(found) == ["lite"]


def test_a_network_that_takes_blue_first_shows_its_channels_in_that_order() -> None:
    """Two networks of one model that differ in their channels are both shown; two that do not, once."""
    pixels = {"channels": 3, "pixel_mean": [0.3, 0.4, 0.5], "pixel_std": [0.2] * 3}
    normal = {"mean": [0.5] * 3, "std": [0.5] * 3}
    networks = [
        backbone(
            name, "vgg", name, [], inspection=inspection(facts={**pixels, **normal, "colours": order})
        )
        for name, order in (("rgb", [0, 1, 2]), ("again", [0, 1, 2]), ("caffe", [2, 1, 0]))
    ]
    found = picture_answers.channels(networks)
    assert [one.name for one in found if one.name] == ["rgb", "caffe"]
    assert [(one.colour, one.before[0]) for one in found[3:]] == [
        ("blue", 0.5),
        ("green", 0.4),
        ("red", 0.3),
    ]
