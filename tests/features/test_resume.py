import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.examples import provenance
from support.study import ROOT

from stages.features.resume import Progress, digest, exclusive, software
from stages.features.segments import Segments
from stages.runtime.errors import StageError

IDENTITY = {"weights": "1234", "layers": ("a", "b")}


def cut_off(folder: Path) -> None:
    with pytest.raises(KeyError), exclusive(folder, IDENTITY):
        (folder / "rows").write_text("some")
        raise KeyError


def test_interrupted_work_is_kept_and_finished_work_removed(tmp_path: Path) -> None:
    cut_off(tmp_path / "a")
    with exclusive(tmp_path / "a", IDENTITY) as folder:
        assert (folder / "rows").read_text() == "some"
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("change", [{"weights": "1235"}, {"layers": ("a",)}, {"more": 1}])
def test_work_of_another_identity_is_discarded(change: dict[str, object], tmp_path: Path) -> None:
    cut_off(tmp_path / "a")
    with exclusive(tmp_path / "a", {**IDENTITY, **change}) as folder:
        assert not (folder / "rows").exists()


def test_work_whose_identity_cannot_be_read_is_discarded(tmp_path: Path) -> None:
    cut_off(tmp_path / "a")
    (tmp_path / "a" / "identity.json").write_text("{half")
    with exclusive(tmp_path / "a", IDENTITY) as folder:
        assert not (folder / "rows").exists()


def test_only_one_process_at_a_time_may_hold_a_folder(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from stages.features.resume import exclusive\n"
        "with exclusive(Path('a'), {}): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StageError, match="another run"), exclusive(tmp_path / "a", {}):
            pass
        other.kill()
    with exclusive(tmp_path / "a", {}):  # a lock dies with its process
        pass


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    before = digest(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"2")
    assert digest(tmp_path / "a") != before


def test_software_tells_code_and_versions() -> None:
    found = software("numpy")
    assert {"code", "python", "numpy"} == set(found)
    assert json.loads(json.dumps(found)) == software("numpy")


def parts(folder: Path) -> list[Segments]:
    """Two layers of 100 rows of 50 features."""
    return [Segments(folder / f"{layer}.h5", 100, provenance()) for layer in "ab"]


def begin(folder: Path, rows: int) -> None:
    """Write `rows` of both layers and record the progress."""
    layers = parts(folder)
    progress = Progress(folder / "progress.json", layers)
    for segments in layers:
        segments.append(np.zeros((rows, 50), dtype=np.float16))
    progress.keep({"pass": 2.0, "layers": {"a": 1.0}})


def test_progress_is_recorded_only_when_no_row_waits(tmp_path: Path) -> None:
    begin(tmp_path, 65)  # two segments, and one row in memory
    assert not (tmp_path / "progress.json").exists()
    begin(tmp_path, 64)
    assert json.loads((tmp_path / "progress.json").read_text())["rows"] == 64


def test_a_resumed_run_adds_its_seconds_to_those_before(tmp_path: Path) -> None:
    begin(tmp_path, 64)
    progress = Progress(tmp_path / "progress.json", parts(tmp_path))
    assert progress.rows == 64
    assert progress.total({"pass": 1.0, "layers": {"a": 0.5}}) == {"pass": 3.0, "layers": {"a": 1.5}}


def test_rows_beyond_the_recorded_ones_are_forgotten(tmp_path: Path) -> None:
    begin(tmp_path, 64)
    layers = parts(tmp_path)
    layers[0].append(np.zeros((32, 50), dtype=np.float16))
    layers = parts(tmp_path)
    assert [segments.rows for segments in layers] == [96, 64]
    assert Progress(tmp_path / "progress.json", layers).rows == 64
    assert [segments.rows for segments in layers] == [64, 64]


@pytest.mark.parametrize("damage", ["rows", "record"])
def test_progress_starts_over_where_rows_or_their_record_are_lost(damage: str, tmp_path: Path) -> None:
    """As after a power failure."""
    begin(tmp_path, 64)
    if damage == "rows":
        (tmp_path / "b" / "32.h5").unlink()
    else:
        (tmp_path / "progress.json").write_text("{half")
    layers = parts(tmp_path)
    assert Progress(tmp_path / "progress.json", layers).rows == 0
    assert [segments.rows for segments in layers] == [0, 0]
