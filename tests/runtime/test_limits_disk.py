from pathlib import Path

import pytest

from stages.runtime import limits
from stages.runtime.errors import StageError


def test_what_fits_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits.require_space(tmp_path, 1e6, "extract@vgg16")
    assert "extract@vgg16 will take about 0.00 GB" in capsys.readouterr().out


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"about 1000000.00 GB of free disk .*dvc gc"):
        limits.require_space(tmp_path, 1e15, "extract@vgg16")
