from pathlib import Path

import pytest

from stages import report


def test_report_without_any_result_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty").mkdir()
    report.main(
        metrics=folder / "empty",
        timings=folder / "empty",
        table=folder / "table.csv",
        page=folder / "table.md",
        figure=folder / "accuracy.png",
    )
    assert (folder / "table.csv").read_text().count("not run") == 3
    assert (folder / "table.md").read_text() in capsys.readouterr().out
    assert (folder / "accuracy.png").read_bytes().startswith(b"\x89PNG")
