import inspect
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from stages.runtime.paths import Paths
from stages.runtime.probe import Probe

# Two values for each parameter, so that no method forgets one of its own.
VALUES: dict[str, list[Any]] = {
    "backbone": ["vgg16", "resnet50"],
    "probe": [Probe("vgg16", "pool1"), Probe("vgg16", "pool5"), Probe("resnet50", "pool1")],
    "suffix": [".csv", ".json"],
    "name": ["vgg16", "resnet50", "vgg16/pool1"],
    "stage": ["extract", "train"],
    "view": ["square224", "square64"],
    "protocol": ["fixed", "tuned"],
}
FOLDERS = ("data", "results")
NAMES = sorted({name for name in dir(Paths()) if not name.startswith("_")} - {*FOLDERS})


def all_of(paths: Paths, name: str) -> list[Path]:
    """The path of this name, or those that a method gives with any of `VALUES`."""
    value = getattr(paths, name)
    if isinstance(value, Path):
        return [value]
    parameters = inspect.signature(value).parameters
    if name == "committed":
        return []
    return [value(*some) for some in product(*(VALUES[parameter] for parameter in parameters))]


@pytest.mark.parametrize("name", NAMES)
def test_every_file_lies_under_data_or_results(name: str) -> None:
    paths = Paths(Path("d"), Path("r/s"))
    for path in all_of(paths, name):
        assert paths.data in path.parents or paths.results in path.parents
        assert ".." not in path.parts


def test_no_two_methods_give_the_same_path() -> None:
    everything = [path for name in NAMES for path in all_of(Paths(), name)]
    assert len(set(everything)) == len(everything)


def test_data_and_results_stand_in_the_projects_folder_by_default() -> None:
    assert vars(Paths()) == vars(Paths(Path("data"), Path("results")))


def test_a_probe_has_a_file_in_the_folder_of_its_backbone() -> None:
    probe = Probe("vgg16", "pool5")
    assert Paths().features(probe).parent == Paths().feature_folder("vgg16")
    assert Paths().kernel(probe) == Path("data/kernels/vgg16/pool5.h5")
    assert Paths().timings("train", probe) == Path("data/timings/train/vgg16/pool5.json")
    assert Paths().timings("decode") == Path("data/timings/decode.json")
