from pathlib import Path

import numpy as np
import pytest
from support.examples import provenance

from stages.features.segments import Segments
from stages.features.store import Features

RNG = np.random.default_rng(0)
X = np.maximum(RNG.normal(size=(100, 5000)), 0).astype(np.float16)  # three whole segments and a part


def segments(path: Path) -> Segments:
    return Segments(path, n=len(X), provenance=provenance(shape=X.shape[1:]))


def write(path: Path, batch: int, start: int = 0, stop: int = len(X)) -> Segments:
    parts = segments(path)
    for first in range(start, stop, batch):
        parts.append(X[first : min(first + batch, stop)])
    return parts


def test_the_bytes_do_not_depend_on_the_batch_size(tmp_path: Path) -> None:
    for batch in (1, 7, 32, 48, 100):
        write(tmp_path / f"{batch}.h5", batch).join()
    assert {path.suffix for path in tmp_path.iterdir()} == {".h5"}  # the segments are gone
    contents = {path.read_bytes() for path in tmp_path.iterdir()}
    assert len(contents) == 1
    assert len(contents.pop()) < 0.8 * X.nbytes
    assert np.array_equal(np.hstack(list(Features(tmp_path / "7.h5").blocks())), X)


@pytest.mark.parametrize("stop", [0, 31, 32, 80, 96, 100])
def test_interrupted_work_is_resumed(stop: int, tmp_path: Path) -> None:
    """Rows that waited for a segment to be full are lost, and only those."""
    write(tmp_path / "whole.h5", 16).join()
    write(tmp_path / "f.h5", 16, stop=stop)
    kept = segments(tmp_path / "f.h5").rows
    assert kept == (100 if stop == 100 else stop // 32 * 32)
    write(tmp_path / "f.h5", 16, start=kept).join()
    assert (tmp_path / "f.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_a_damaged_segment_and_all_after_it_do_not_count(tmp_path: Path) -> None:
    write(tmp_path / "f.h5", 32)
    damaged = bytearray((tmp_path / "f" / "32.h5").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "f" / "32.h5").write_bytes(damaged)
    assert segments(tmp_path / "f.h5").rows == 32
    (tmp_path / "f" / "0.h5").write_bytes(b"half a file")
    assert segments(tmp_path / "f.h5").rows == 0


def test_rows_are_forgotten(tmp_path: Path) -> None:
    write(tmp_path / "f.h5", 32).join()
    assert segments(tmp_path / "f.h5").rows == 100
    parts = write(tmp_path / "g.h5", 32)
    parts.forget(64)
    assert parts.rows == segments(tmp_path / "g.h5").rows == 64


def test_missing_rows_are_noticed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="only 64 of 100 rows"):
        write(tmp_path / "f.h5", 32, stop=70).join()
    assert not (tmp_path / "f.h5").exists()
