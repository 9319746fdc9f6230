from pathlib import Path

import pytest

from stages import check


def test_check_prints_the_layers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check.main()
    assert "squeeze/pool2: 6,272 features (128, 7, 7)" in capsys.readouterr().out
