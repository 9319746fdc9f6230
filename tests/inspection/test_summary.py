import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st
from support.study import ROOT

from stages.inspection import summary
from stages.inspection.summary import Layer

LAYERS = [
    Layer("input", "", "8 x 8 x 3", 0, "", 0, 0),
    Layer("conv", "Conv2d", "8 x 8 x 64", 1728, "(3 x 3 x 3) x 64 = 1,728", 64, 1792),
    Layer("pool", "MaxPool2d", "4 x 4 x 64", 0, "", 0, 1792),
    Layer("head.fc", "Linear", "", 640, "64 x 10 = 640", 0, 2432),
]


def test_the_table_ends_with_the_sums() -> None:
    assert summary.markdown(LAYERS).splitlines() == [
        "| Layer | Kind | Output | Weights | Biases | Total so far |",
        "|---|---|---:|---:|---:|---:|",
        "| `input` |  | 8 x 8 x 3 | 0 | 0 | 0 |",
        "| `conv` | Conv2d | 8 x 8 x 64 | (3 x 3 x 3) x 64 = 1,728 | 64 | 1,792 |",
        "| `pool` | MaxPool2d | 4 x 4 x 64 | 0 | 0 | 1,792 |",
        "| `head.fc` | Linear |  | 64 x 10 = 640 | 0 | 2,432 |",
        "| **all** | | | **2,368** | **64** | **2,432** |",
    ]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))
numbers = st.integers(0, 10**12)


@given(st.lists(st.builds(Layer, texts, texts, texts, numbers, texts, numbers, numbers)))
def test_the_csv_reads_back_as_it_was(layers: list[Layer]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "layers.csv"
        summary.write_csv(path, layers)
        assert summary.read_csv(path) == layers


def test_the_csv_has_a_line_per_layer(tmp_path: Path) -> None:
    summary.write_csv(tmp_path / "layers.csv", LAYERS)
    lines = (tmp_path / "layers.csv").read_bytes().split(b"\n")
    assert lines[0] == b"path,kind,output,weights,product,biases,total"
    assert lines[2] == b'conv,Conv2d,8 x 8 x 64,1728,"(3 x 3 x 3) x 64 = 1,728",64,1792'
    assert lines[5:] == [b""]


def test_reading_needs_no_torch() -> None:
    program = "import sys, stages.inspection.summary; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
