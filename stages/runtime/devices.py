"""The device that computes: `runtime.device` in params.yaml."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.runtime import timing
from stages.runtime.errors import StageError

if TYPE_CHECKING:
    import torch

CPU_FLAGS = Path("/proc/cpuinfo")
DRIVERS = ("libcuda.so.1", "nvcuda.dll", "libamdhip64.so", "libze_loader.so.1", "ze_loader.dll")


def choose(name: str) -> torch.device:
    """The device that `runtime.device` names; `auto` is the accelerator that torch finds, or the CPU.

    On CUDA, TensorFloat-32 is off and the algorithms are deterministic: float32 is float32 everywhere.
    Raises `StageError` if the named accelerator does not exist.
    """
    import torch  # takes seconds; most stages that call `may_mean_gpu` never need it

    found = torch.accelerator.current_accelerator(check_available=True)
    if name == "auto":
        name = found.type if found else "cpu"
    device = torch.device(name)
    count = torch.accelerator.device_count() if found and found.type == device.type else 0
    if device.type != "cpu" and (device.index or 0) >= count:
        raise StageError(
            expected=f"the accelerator that runtime.device: {name} asks for",
            found=f"{count} {device.type} devices; torch sees {found or 'the CPU only'}",
            cause="no GPU, or a driver that torch cannot use",
            do="set runtime.device: auto or cpu in params.yaml",
        )
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    _keep_memory()
    return device


def describe(device: torch.device) -> str:
    """The accelerator's name, or its kind if torch knows no name (mps), and `timing.processor()`."""
    if device.type == "cpu":
        return timing.processor()
    name = getattr(_backend(device), "get_device_name", lambda device: device.type)
    return f"{name(device)}, {timing.processor()}"


def compute_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16; without them it is slower than float32."""
    if device.type == "cuda":
        return bool(_backend(device).is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return bool(getattr(_backend(device), "is_bf16_supported", lambda: True)())  # unknown: mps
    try:
        return "bf16" in CPU_FLAGS.read_text()
    except OSError:
        return True  # unknown, such as on a Mac


def compute_float64(device: torch.device) -> bool:
    """Whether the device has float64: mps has none, and not every xpu has it."""
    if device.type == "xpu":
        return bool(_backend(device).get_device_properties(device).has_fp64)
    return device.type != "mps"


def has_streams(device: torch.device) -> bool:
    """Whether work is queued on streams, which copy to pinned memory while others compute."""
    return device.type in ("cuda", "xpu")


def _backend(device: torch.device) -> Any:
    """The module of torch for the device, such as `torch.cuda`."""
    import torch

    return torch.get_device_module(device)


def batch_size(setting: int | str, device: torch.device) -> int:
    """`runtime.batch_size` in images; `auto` is large enough to keep the device busy."""
    if setting == "auto":
        return 32 if device.type == "cpu" else 128
    return int(setting)


def _keep_memory() -> None:
    """Let glibc's malloc keep freed memory instead of returning it to the operating system.

    A layer's output takes tens of megabytes. To map and unmap them for each batch took a tenth of
    VGG16's time and half of EfficientNet-Lite0's (benchmarks/README.md).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return  # another C library
    mallopt(-4, 0)  # M_MMAP_MAX: no separate mapping for a large block
    mallopt(-1, -1)  # M_TRIM_THRESHOLD: never return the top of the heap


def may_mean_gpu(name: str) -> bool:
    """Whether `runtime.device` can be a GPU: it names one, or is `auto` and a driver is installed.

    macOS has no float64 on its GPU, so that a stage that asks (`gram`) would not use it.
    """
    return name != "cpu" and (name != "auto" or any(map(_loads, DRIVERS)))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
