import numpy as np
from support.examples import predictions

from stages.dataset.index import Index, Split
from stages.inspection.summary import Layer
from stages.reporting import network_answers


def test_labels_that_are_names_of_classes() -> None:
    classes = ["Sea shore", "valley", "living room"]
    assert network_answers.named_alike(["coast", "livingroom", "Valley"], classes) == [
        "livingroom",
        "Valley",
    ]


def test_scenes_and_what_is_said_of_them() -> None:
    keys = [("coast", str(i)) for i in range(3)] + [("forest", str(i)) for i in range(3)]
    index = Index(keys, Split.complete(np.array([True, False, False, True, False, False])))
    assert network_answers.scenes(predictions(), index) == [
        ("coast", "tench", 1.0, 1),
        ("forest", "goldfish", 0.5, 2),
    ]


def test_the_largest_and_the_last_layer() -> None:
    layers = [
        Layer("a", "Conv2d", "8 x 8 x 4", 10, "", 1, 11),
        Layer("b", "Linear", "1,000", 9, "", 5, 25),
        Layer("aux", "Linear", "", 2, "", 0, 27),
    ]
    assert network_answers.largest(layers).path == "b"
    assert network_answers.last(layers).path == "b"
