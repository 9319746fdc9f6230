import numpy as np
import pytest
from support.examples import inspection, predictions

from stages.dataset.index import Index
from stages.inspection.record import FIRST
from stages.inspection.summary import Layer
from stages.reporting import network_answers
from stages.reporting.network_answers import FirstMaps


def test_labels_that_are_names_of_classes() -> None:
    classes = ["Sea shore", "valley", "living room"]
    assert network_answers.named_alike(["coast", "livingroom", "Valley"], classes) == [
        "livingroom",
        "Valley",
    ]


def test_scenes_and_what_is_said_of_them() -> None:
    keys = [("coast", str(i)) for i in range(3)] + [("forest", str(i)) for i in range(3)]
    index = Index(keys, np.array([True, False, False, True, False, False]))
    assert network_answers.scenes(predictions(), index) == [
        ("coast", "tench", 1.0, 1),
        ("forest", "goldfish", 0.5, 2),
    ]


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
    assert network_answers.first_maps(made) == FirstMaps(4, 2, 1, 1)


@pytest.mark.parametrize(
    ("shape", "text"), [((512, 7, 7), "7 x 7 x 512"), ((4096,), "4,096"), ((197, 768), "197 x 768")]
)
def test_sizes(shape: tuple[int, ...], text: str) -> None:
    assert network_answers.size(shape) == text


def test_the_largest_and_the_last_layer() -> None:
    layers = [
        Layer("a", "Conv2d", "8 x 8 x 4", 10, "", 1, 11),
        Layer("b", "Linear", "1,000", 9, "", 5, 25),
        Layer("aux", "Linear", "", 2, "", 0, 27),
    ]
    assert network_answers.largest(layers).path == "b"
    assert network_answers.last(layers).path == "b"
