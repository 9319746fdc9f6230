from pathlib import Path

import numpy as np
import pytest

from stages.core.command import StageError
from stages.core.features import CHUNK_COLUMNS, Features, Writer

RNG = np.random.default_rng(0)


def write(
    path: Path, X: np.ndarray, batch: int, dtype: str = "float16", precision: str = "float32"
) -> None:
    attributes = {"layer": "pool5", "shape": (512, 7, 7), "precision": precision}
    with Writer(path, n=len(X), d=X.shape[1], dtype=dtype, attributes=attributes) as writer:
        for start in range(0, len(X), batch):
            writer.append(X[start : start + batch])


@pytest.mark.parametrize(
    ("n", "d"), [(1, 1), (70, 10), (33, CHUNK_COLUMNS + 1), (64, 3 * CHUNK_COLUMNS)]
)
@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_written_is_read_back(
    n: int, d: int, dtype: str, precision: str, tmp_path: Path
) -> None:
    X = RNG.normal(size=(n, d)).astype(dtype)
    write(tmp_path / "f.h5", X, batch=7, dtype=dtype, precision=precision)
    stored = Features(tmp_path / "f.h5")
    blocks = list(stored.blocks())
    assert (stored.n, stored.d, stored.storage, stored.block_count) == (n, d, dtype, len(blocks))
    assert all(block.dtype == dtype and block.shape[1] <= CHUNK_COLUMNS for block in blocks)
    assert np.array_equal(np.hstack(blocks), X)
    assert stored.attributes["layer"] == "pool5"
    assert list(stored.attributes["shape"]) == [512, 7, 7]


def test_the_bytes_do_not_depend_on_the_batch_size(tmp_path: Path) -> None:
    X = np.maximum(RNG.normal(size=(100, 5000)), 0).astype(np.float16)
    for batch in (1, 32, 48, 100):
        write(tmp_path / f"{batch}.h5", X, batch)
    contents = {path.read_bytes() for path in tmp_path.iterdir()}
    assert len(contents) == 1
    assert len(contents.pop()) < 0.8 * X.nbytes


def test_missing_rows_are_noticed(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="only 3 rows"),
        Writer(
            tmp_path / "f.h5", n=5, d=2, dtype="float16", attributes={"precision": "float32"}
        ) as writer,
    ):
        writer.append(np.zeros((3, 2), dtype=np.float16))


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "f.h5").write_bytes(b"half a file")
    with pytest.raises(StageError, match="extract"):
        Features(tmp_path / "f.h5")
