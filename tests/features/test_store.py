from pathlib import Path

import h5py
import numpy as np
import pytest
from support.examples import provenance, write_features

from stages.features.store import CHUNK_COLUMNS, Features
from stages.runtime.errors import StageError
from stages.runtime.probe import Probe

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("n", "d"), [(1, 1), (70, 10), (33, CHUNK_COLUMNS + 1), (64, 3 * CHUNK_COLUMNS)]
)
@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_written_is_read_back(
    n: int, d: int, dtype: str, precision: str, tmp_path: Path
) -> None:
    X = RNG.normal(size=(n, d)).astype(dtype)
    made = {"probe": Probe("vgg16", "pool5"), "shape": (d, 1, 1), "precision": precision}
    write_features(tmp_path / "f.h5", X, **made)
    stored = Features(tmp_path / "f.h5")
    blocks = list(stored.blocks())
    assert (stored.n, stored.d, stored.block_count) == (n, d, len(blocks))
    assert all(block.dtype == dtype and block.shape[1] <= CHUNK_COLUMNS for block in blocks)
    assert np.array_equal(np.hstack(blocks), X)
    assert stored.provenance == provenance(**made, storage=dtype)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "b" / "x.h5"
    X = np.maximum(RNG.normal(size=(70, 5000)), 0).astype(np.float16)
    write_features(path, X)
    whole = bytearray(path.read_bytes())
    for place in RNG.integers(len(whole) // 2, len(whole) - 1000, size=20):
        damaged = whole.copy()
        damaged[place] ^= 1 << int(RNG.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(StageError, match="features at .*a damaged file.*dvc repro extract@b"):
            list(Features(path).blocks())


def test_a_file_that_is_no_hdf5_is_damage(tmp_path: Path) -> None:
    (tmp_path / "f.h5").write_bytes(b"half a file")
    with pytest.raises(StageError, match="extract"):
        Features(tmp_path / "f.h5")


def test_a_file_without_provenance_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "b" / "x.h5"
    write_features(path, np.zeros((3, 2), dtype=np.float16))
    with h5py.File(path, "r+") as file:
        del file["features"].attrs["module"]
    with pytest.raises(StageError, match="features at .*module.*a damaged file.*dvc repro extract@b"):
        Features(path)
