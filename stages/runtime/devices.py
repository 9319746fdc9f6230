"""The device that computes: `runtime.device` in params.yaml."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import TYPE_CHECKING

from stages.runtime import timing
from stages.runtime.errors import StageError

if TYPE_CHECKING:
    import torch

CPU_FLAGS = Path("/proc/cpuinfo")
DRIVERS = ("libcuda.so.1", "nvcuda.dll")


def choose(name: str) -> torch.device:
    """The device that `runtime.device` names; `auto` is a GPU if the computer has one.

    On a GPU, TensorFloat-32 is off and the algorithms are deterministic: float32 is float32 everywhere.
    Raises `StageError` if the named GPU does not exist.
    """
    import torch  # takes seconds; most stages that call `may_mean_gpu` never need it

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise StageError(
            expected=f"the GPU that runtime.device: {name} asks for",
            found=f"{torch.cuda.device_count()} CUDA devices",
            cause="no GPU, or a driver that torch cannot use",
            do="set runtime.device: auto or cpu in params.yaml",
        )
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    _keep_memory()
    return device


def describe(device: torch.device) -> str:
    """The GPU's name, if it is one, and `timing.processor()`."""
    if device.type == "cuda":
        import torch

        return f"{torch.cuda.get_device_name(device)}, {timing.processor()}"
    return timing.processor()


def compute_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16; without them it is slower than float32."""
    if device.type == "cuda":
        import torch

        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        return "bf16" in CPU_FLAGS.read_text()
    except OSError:
        return True  # unknown, such as on a Mac


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
    """Whether `runtime.device` can be a GPU: it names one, or is `auto` and a driver is installed."""
    return name.startswith("cuda") or (name == "auto" and any(map(_loads, DRIVERS)))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
