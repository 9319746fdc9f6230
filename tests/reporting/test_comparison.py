"""Two folders of results, made up: every number of the comparison by hand or by SciPy."""

import json
from pathlib import Path

import pytest
from scipy.stats import binomtest

from stages.reporting import comparison, significance
from stages.reporting.comparison import Comparison, Difference
from stages.runtime.files import write_csv, write_json
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe

A, B, C = (Probe("net", layer) for layer in "abc")
ACTUAL = ["x"] * 30 + ["y"] * 30


def put(
    paths: Paths, probe: Probe, wrong: set[int], splits: list[float], digest: str = "1", shift: int = 0,
    sizes: dict[str, int] | None = None, **made: str,
) -> None:  # fmt: skip
    """The files of a probe whose test images `wrong` are misclassified."""
    for protocol in ("fixed", "tuned"):
        accuracy = 1 - len(wrong) / 60
        metrics = {"accuracy": accuracy, "n_train": 60, "n_test": 60, **(sizes or {})}
        write_json(paths.metrics(probe, protocol), metrics)
        write_json(paths.run(probe, protocol), {"split_digest": digest, **made})
        lines = [
            [row + shift, label, {"x": "y", "y": "x"}[label] if row in wrong else label, 1]
            for row, label in enumerate(ACTUAL)
        ]
        write_csv(paths.predictions(probe, protocol), ["row", "actual", "predicted", "margin"], lines)
        write_csv(paths.splits(probe, protocol), ["split", "accuracy"], enumerate(splits, 1))


def side(folder: Path, *probes: Probe) -> Paths:
    paths = Paths(folder / "data", folder / "results").committed()
    write_csv(
        paths.table, ["probe", "status"], [[probe, "run"] for probe in probes] + [["n/x", "not run"]]
    )
    return paths


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Paths, Paths]:
    return side(tmp_path / "there", A, B), side(tmp_path / "here", A, B)


def compared(sides: tuple[Paths, Paths]) -> Comparison:
    return comparison.compare(*sides, "tuned")


def test_numbers_by_hand_and_by_scipy(sides: tuple[Paths, Paths]) -> None:
    there, here = sides
    put(there, A, set(range(20)), [0.6, 0.61, 0.62])
    put(here, A, {0, 1, 40}, [0.9, 0.92, 0.91])
    put(there, B, {0, 1}, [0.9, 0.8, 0.85])
    put(here, B, {1, 2}, [0.9, 0.85, 0.8])
    a, b = compared(sides).differences
    assert (a.lost, a.won) == (1, 18)
    assert (a.there, a.here) == (pytest.approx(40 / 60), pytest.approx(57 / 60))
    assert a.p == pytest.approx(2 * binomtest(1, 19, 0.5).pvalue)  # the smaller of two
    assert a.split_points == pytest.approx(30)
    raw = significance.resampled_t([0.3, 0.31, 0.29], n_train=60, n_test=60)
    assert a.p_splits == pytest.approx(2 * raw)
    assert a.verdict == "better (images, splits)"
    assert (b.lost, b.won, b.p, b.p_splits) == (1, 1, 1.0, 1.0)
    assert b.verdict == "cannot be told apart"


def test_the_same_is_said_to_be_the_same(sides: tuple[Paths, Paths]) -> None:
    for paths in sides:
        put(paths, A, {1}, [0.9, 0.8])
        put(paths, B, {2}, [0.9, 0.8])
    found = compared(sides)
    assert [one.verdict for one in found.differences] == ["the same", "the same"]
    assert found.all_same


def test_other_splits_and_other_images_have_no_test(sides: tuple[Paths, Paths]) -> None:
    there, here = sides
    put(there, A, set(range(20)), [0.6, 0.61], digest="1")
    put(here, A, {0}, [0.9, 0.92, 0.95], digest="2")
    put(there, B, {1}, [0.9, 0.8])
    put(here, B, {1}, [0.9, 0.8], shift=1)
    a, b = compared(sides).differences
    assert a.p == pytest.approx(binomtest(0, 19, 0.5).pvalue)
    assert a.split_points is a.p_splits is None
    assert a.verdict == "better (images)"
    assert b.verdict == "no test: other images"
    assert b.p is None


def test_other_training_images_have_no_test(sides: tuple[Paths, Paths]) -> None:
    """Where rows are on neither side, the test images do not tell the training images."""
    there, here = sides
    put(there, A, {0}, [0.6, 0.61], headline_digest="1")
    put(here, A, {1}, [0.6, 0.62], headline_digest="2")
    put(there, B, {0}, [0.6, 0.61])
    put(here, B, {1}, [0.6, 0.62], headline_digest="2")
    for found in compared(sides).differences:
        assert found.verdict == "no test: other training images"
        assert found.p is found.p_splits is None


def test_random_splits_have_sizes_of_their_own(tmp_path: Path) -> None:
    there, here = side(tmp_path / "there", A), side(tmp_path / "here", A)
    sizes = {"mean_n_train": 90, "mean_n_test": 30}
    put(there, A, {0}, [0.6, 0.61, 0.62], sizes=sizes)
    put(here, A, {1}, [0.62, 0.64, 0.66], sizes=sizes)
    (found,) = compared((there, here)).differences
    raw = significance.resampled_t([0.02, 0.03, 0.04], n_train=90, n_test=30)
    assert found.p_splits == pytest.approx(raw)


def test_what_only_one_side_has_is_named(tmp_path: Path) -> None:
    sides = side(tmp_path / "there", A, B), side(tmp_path / "here", B, C)
    for paths in sides:
        for probe in (A, B, C):  # files of what is no longer asked for may linger
            put(paths, probe, {1}, [0.9, 0.8])
    found = compared(sides)
    assert (found.gone, found.new) == ([A], [C])
    assert not found.all_same
    said = comparison.text(found, ("main", "here"))
    assert said.endswith("Only in main: net/a.\n\nOnly in here: net/c.")


@pytest.mark.parametrize("markdown", [False, True])
def test_the_table(markdown: bool) -> None:
    long = Probe("efficientnet_lite0_random", "blocks1")
    one = Difference(long, 0.9, 0.92, 12, 72, 1.8, 0.0001, 0.03)
    found = Comparison([one, Difference(A, 0.5, 0.5, why_not="no test: other images")], [], [])
    lines = comparison.text(found, ("main", "here"), markdown=markdown).splitlines()
    cells = ["0.9000", "0.9200", "+2.00", "-12 +72", "< 0.001", "+1.80", "0.030"]
    assert all(cell in lines[2] for cell in cells)
    assert "better (images, splits)" in lines[2]
    assert lines[0].startswith("|") == markdown
    assert markdown or max(map(len, lines)) <= 120
    assert json.dumps(lines[3]).count("no test") == 1
