from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.examples import provenance

from stages import similarity
from stages.dataset import index, splits
from stages.kernels import gram
from stages.runtime import files
from stages.runtime.errors import StageError
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.runtime.provenance import requested

KEYS = [(label, f"{i:02}.png") for label in "abc" for i in range(30)]
POOL1, POOL2, STAGE2 = map(Probe.parse, ("squeeze/pool1", "squeeze/pool2", "shuffle/stage2"))
RNG = np.random.default_rng(0)


def put(probe: Probe, X: NDArray[np.float64], **changes: Any) -> None:
    """The kernel of features X (90, d)."""
    about = {**requested(load_params(), probe), "rows": index.digest(KEYS), **changes}
    gram.write(Paths().kernel(probe), X @ X.T, provenance(probe=probe, **about))


@pytest.fixture(autouse=True)
def _images(folder: Any) -> None:
    images = index.Index(KEYS, splits.draw(KEYS, np.arange(90), train_per_class=15, seed=[0]))
    index.write(Paths().index, images)


def run() -> list[dict[str, str]]:
    similarity.main(paths=Paths())
    return files.read_csv(Paths().similarity)


def test_every_two_layers_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer turned is the same layer; the block's size does not matter."""
    X, turn = RNG.normal(size=(90, 20)), np.linalg.qr(RNG.normal(size=(20, 20)))[0]
    put(POOL1, X)
    put(POOL2, 3 * X @ turn)
    put(STAGE2, RNG.normal(size=(90, 20)))
    lines = run()
    assert [(line["one"], line["other"]) for line in lines] == [
        ("squeeze/pool1", "squeeze/pool2"),
        ("squeeze/pool1", "shuffle/stage2"),
        ("squeeze/pool2", "shuffle/stage2"),
    ]
    assert (lines[0]["cka"], lines[0]["unbiased_cka"]) == ("1.000000", "1.000000")
    assert float(lines[1]["unbiased_cka"]) == pytest.approx(float(lines[2]["unbiased_cka"]))
    assert abs(float(lines[1]["unbiased_cka"])) < 0.2
    monkeypatch.setattr(similarity, "BLOCK_BYTES", 1)
    assert run() == lines


def test_layers_without_a_kernel_and_of_other_parameters_are_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(POOL1, RNG.normal(size=(90, 20)))
    put(POOL2, RNG.normal(size=(90, 20)), weights="other")
    assert run() == []
    said = capsys.readouterr().out
    assert "squeeze/pool2 has a kernel of other parameters and is left out" in said
    assert "shuffle/stage2 has no kernel and is left out" in said


def test_kernels_of_other_rows_are_refused() -> None:
    put(POOL1, RNG.normal(size=(90, 20)), rows="others")
    with pytest.raises(StageError, match=r"found that of other rows .* dvc repro gram@squeeze/pool1"):
        run()


def test_a_damaged_kernel_is_named() -> None:
    put(POOL1, RNG.normal(size=(90, 20)))
    put(POOL2, RNG.normal(size=(90, 20)))
    path = Paths().kernel(POOL2)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    with pytest.raises(StageError, match=r"the kernel of squeeze/pool2 .* a damaged file"):
        run()
