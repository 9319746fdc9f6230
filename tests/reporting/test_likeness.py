from pathlib import Path

import numpy as np
import pytest
from support.results import backbone, row

from stages.reporting import likeness
from stages.runtime.probe import Probe

A, B, C, D = (Probe("net", "a"), Probe("net", "b"), Probe("control", "b"), Probe("other", "z"))
LINES = """one,other,cka,unbiased_cka
net/a,net/b,0.9,0.8
net/a,control/b,0.9,0.7
net/b,control/b,0.9,0.25
net/a,other/z,0.9,0.4
net/b,other/z,0.9,0.5
control/b,other/z,0.9,0.9
"""
BACKBONES = [
    backbone("net", "timm/net", "V1", [row("net/a", 0.7), row("net/b", 0.8)]),
    backbone("control", "timm/net", "random", [row("control/b", 0.5)]),
    backbone("other", "timm/other", "V1", [row("other/z", 0.6)]),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "similarity.csv"
    path.write_text(LINES)
    return path


def test_pairs_are_read_in_the_order_of_the_probes(file: Path) -> None:
    found = likeness.read(file, [D, A, B, Probe("net", "never")])
    assert found
    assert found.probes == [D, A, B]
    assert np.array_equal(found.cka, [[1, 0.4, 0.5], [0.4, 1, 0.8], [0.5, 0.8, 1]])
    assert np.isnan(found.of(A, C))


def test_fewer_than_two_layers_are_nothing(file: Path, tmp_path: Path) -> None:
    assert likeness.read(file, [A]) is None
    assert likeness.read(tmp_path / "none.csv", [A, B]) is None
    assert likeness.alike(None, BACKBONES) is None


def test_what_the_report_says_of_them(file: Path) -> None:
    found = likeness.alike(likeness.read(file, [A, B, C, D]), BACKBONES)
    assert found == likeness.Alike((0.8, 0.8), (B, D, 0.5), (0.25, 0.25))


def test_a_layer_of_constants_is_told_of_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("one,other,cka,unbiased_cka\nnet/a,net/b,nan,nan\n")
    assert likeness.alike(likeness.read(path, [A, B]), BACKBONES) == likeness.Alike(None, None, None)


def test_one_network_alone_has_no_other_model(file: Path) -> None:
    found = likeness.alike(likeness.read(file, [A, B]), BACKBONES[:1])
    assert found == likeness.Alike((0.8, 0.8), None, None)
