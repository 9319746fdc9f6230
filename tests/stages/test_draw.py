from pathlib import Path

import pytest
from support.examples import inspection, predictions

from stages import draw
from stages.inspection import record
from stages.inspection.record import Predictions
from stages.runtime.paths import Paths


@pytest.mark.parametrize("said", [predictions(), "its weights are random"])
def test_a_picture_for_every_image(said: Predictions | str, tmp_path: Path) -> None:
    paths = Paths(tmp_path / "data", tmp_path / "results")
    record.write(paths.inspection("b"), inspection(said=said))
    draw.main("b", paths=paths)
    names = ["1-coast-b-1-.png", "2-k-ste-2.png"]
    expected = {f"maps-{name}" for name in names}
    if not isinstance(said, str):
        expected |= {f"answers-{name}" for name in names} | {"confidence.png"}
    assert {path.name for path in paths.pictures("b").iterdir()} == expected
