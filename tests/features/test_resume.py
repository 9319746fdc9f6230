import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.study import ROOT

from stages.features.resume import claimed, digest, software
from stages.runtime.errors import StageError

IDENTITY = {"weights": "1234", "layers": ("a", "b")}


def cut_off(folder: Path) -> None:
    with pytest.raises(KeyError), claimed(folder, IDENTITY):
        (folder / "rows").write_text("some")
        raise KeyError


def test_what_was_cut_off_stays_and_what_is_done_goes(tmp_path: Path) -> None:
    cut_off(tmp_path / "a")
    with claimed(tmp_path / "a", IDENTITY) as folder:
        assert (folder / "rows").read_text() == "some"
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("change", [{"weights": "1235"}, {"layers": ("a",)}, {"more": 1}])
def test_work_of_another_identity_is_discarded(change: dict[str, object], tmp_path: Path) -> None:
    cut_off(tmp_path / "a")
    with claimed(tmp_path / "a", {**IDENTITY, **change}) as folder:
        assert not (folder / "rows").exists()


def test_work_whose_identity_cannot_be_read_is_discarded(tmp_path: Path) -> None:
    cut_off(tmp_path / "a")
    (tmp_path / "a" / "identity.json").write_text("{half")
    with claimed(tmp_path / "a", IDENTITY) as folder:
        assert not (folder / "rows").exists()


def test_only_one_process_at_a_time(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from stages.features.resume import claimed\n"
        "with claimed(Path('a'), {}): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StageError, match="another run"), claimed(tmp_path / "a", {}):
            pass
        other.kill()
    with claimed(tmp_path / "a", {}):  # a lock dies with its process
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
