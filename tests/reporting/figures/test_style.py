from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from stages.reporting.figures import style


def test_a_dollar_sign_is_a_dollar_sign(tmp_path: Path) -> None:
    figure = Figure()
    figure.text(0, 0, "$\\broken$ $")
    style.save(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_colours_differ_for_those_who_see_no_red_or_no_green() -> None:
    """By the matrices of Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB."""
    protan = ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052))
    deutan = ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969))
    for matrix in (protan, deutan):
        seen = []
        for colour in style.COLOURS[:4]:
            linear = [channel**2.2 for channel in to_rgb(colour)]
            light = [sum(w * c for w, c in zip(line, linear, strict=True)) for line in matrix]
            seen.append([max(channel, 0.0) ** (1 / 2.2) for channel in light])
        for a, b in combinations(seen, 2):
            assert sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5 > 0.15


@pytest.mark.parametrize(("text", "short"), [("coast", "coast"), ("insidecity", "insid…")])
def test_short(text: str, short: str) -> None:
    assert style.short(text, 6) == short
