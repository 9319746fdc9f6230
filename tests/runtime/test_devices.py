import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.study import ROOT

from stages.networks import inference
from stages.runtime import devices
from stages.runtime.errors import StageError


def test_the_gpu_that_is_asked_for_must_be_there() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert devices.choose("auto").type == "cpu"
    with pytest.raises(StageError, match=r"runtime.device: cuda:1 asks for; found 0 CUDA devices"):
        devices.choose("cuda:1")


def test_auto_is_more_images_at_once_on_a_gpu() -> None:
    assert devices.batch_size("auto", torch.device("cpu")) < devices.batch_size(
        "auto", torch.device("cuda")
    )
    assert devices.batch_size(7, torch.device("cpu")) == 7


def test_a_processor_says_whether_it_computes_in_bfloat16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(devices, "CPU_FLAGS", tmp_path / "cpuinfo")
    assert devices.compute_bfloat16(cpu)  # nobody knows
    (tmp_path / "cpuinfo").write_text("flags : fpu avx512_bf16 sse")
    assert devices.compute_bfloat16(cpu)
    (tmp_path / "cpuinfo").write_text("flags : fpu avx2 sse")
    assert not devices.compute_bfloat16(cpu)
    inference.computing(cpu, "float32")
    assert not capsys.readouterr().out
    inference.computing(cpu, "bfloat16")
    assert "has no bfloat16: extract.precision: float32 is faster" in capsys.readouterr().out


def test_only_a_driver_makes_auto_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "DRIVERS", ("libabsent.so.1",))
    assert not devices.may_mean_gpu("auto")
    assert not devices.may_mean_gpu("cpu")
    assert devices.may_mean_gpu("cuda:1")
    monkeypatch.setattr(devices, "DRIVERS", ("libabsent.so.1", "libm.so.6"))
    assert devices.may_mean_gpu("auto")
    assert not devices.may_mean_gpu("cpu")


FAULTS = """
import resource, torch
from stages.runtime import devices
{}
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(16_000_000)  # 64 MB: 15,625 pages of 4 KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print([faults() for _ in range(20)][-1])  # the heap has grown to what is needed
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc alone is told to keep memory")
def test_freed_memory_is_kept_for_the_next_batch() -> None:
    found = [
        int(subprocess.run([sys.executable, "-c", FAULTS.format(line)], cwd=ROOT, capture_output=True,
                           text=True, check=True).stdout)
        for line in ("", "devices.choose('cpu')")
    ]  # fmt: skip
    assert found[1] < found[0] / 10
