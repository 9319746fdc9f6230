import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from support.study import ROOT

from stages.networks import inference
from stages.runtime import devices
from stages.runtime.errors import StageError


def test_the_gpu_that_is_asked_for_must_be_there() -> None:
    if torch.accelerator.is_available():
        pytest.skip("there is a GPU here")
    assert devices.choose("auto").type == "cpu"
    with pytest.raises(
        StageError,
        match=r"device: cuda:1 asks for; found 0 cuda devices; .* the CPU only",
    ):
        devices.choose("cuda:1")


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu"])
def test_auto_is_the_accelerator_that_torch_finds(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = torch.device(kind)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: found)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 1)
    assert devices.choose("auto") == devices.choose(kind) == found
    assert devices.choose("cpu").type == "cpu"
    other = "cuda:1" if kind == "cuda" else "cuda"
    with pytest.raises(StageError, match=rf"device: {other} asks for; found . cuda .* sees {kind}\."):
        devices.choose(other)


def test_what_has_no_float64_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert devices.compute_float64(torch.device("cpu"))
    assert devices.compute_float64(torch.device("cuda"))
    assert not devices.compute_float64(torch.device("mps"))
    for has in (False, True):
        made = SimpleNamespace(get_device_properties=lambda _, has=has: SimpleNamespace(has_fp64=has))
        monkeypatch.setattr(torch, "get_device_module", lambda _, made=made: made)
        assert devices.compute_float64(torch.device("xpu")) == has


def test_an_accelerator_is_described_by_its_name_or_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = devices.describe(torch.device("cpu"))
    assert devices.describe(torch.device("mps")) == f"mps, {cpu}"
    assert devices.compute_bfloat16(torch.device("mps"))  # nobody knows
    made = SimpleNamespace(get_device_name=lambda _: "Arc", is_bf16_supported=lambda: False)
    monkeypatch.setattr(torch, "get_device_module", lambda _: made)
    assert devices.describe(torch.device("xpu")) == f"Arc, {cpu}"
    assert not devices.compute_bfloat16(torch.device("xpu"))


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
    assert all(map(devices.may_mean_gpu, ("cuda", "cuda:1", "mps", "xpu")))
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
