"""Where things are computed: `runtime.device`."""

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


def choose(wanted: str) -> torch.device:
    """The device that `runtime.device` names; `auto` is a GPU where there is one.

    Raises `StageError` where a GPU is asked for and there is none. On a GPU, TensorFloat-32 is off and
    the algorithms are deterministic: float32 is float32 everywhere.
    """
    import torch  # late: it takes seconds, and most stages that ask `may_mean_gpu` do without

    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(wanted)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise StageError(
            expected=f"the GPU that runtime.device: {wanted} asks for",
            found=f"{torch.cuda.device_count()} CUDA devices",
            cause="no GPU here, or a driver that torch cannot use",
            do="set runtime.device: auto or cpu in params.yaml",
        )
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    _keep_memory()
    return device


def describe(device: torch.device) -> str:
    """The GPU's name, or the processor as `timing.processor` has it."""
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


def batch_size(wanted: int | str, device: torch.device) -> int:
    """`runtime.batch_size`; `auto` is enough to keep the device busy."""
    if wanted == "auto":
        return 32 if device.type == "cpu" else 128
    return int(wanted)


def _keep_memory() -> None:
    """Tell glibc's malloc, where it is that, to keep what is freed rather than to give it back.

    Every layer's output is tens of megabytes, which it otherwise asks of the kernel and returns, page by
    page, for each batch. It took a tenth of VGG16's time and half of EfficientNet-Lite0's
    (benchmarks/README.md).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(-4, 0)  # M_MMAP_MAX: nothing is mapped by itself
    mallopt(-1, -1)  # M_TRIM_THRESHOLD: never trimmed


def may_mean_gpu(wanted: str) -> bool:
    """Whether `runtime.device` can be a GPU: it names one, or is `auto` and there is a driver."""
    return wanted.startswith("cuda") or (wanted == "auto" and any(map(_loads, DRIVERS)))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
