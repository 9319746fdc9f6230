"""Whether there may be a GPU, without asking torch.

Importing torch takes seconds, and there are dozens of kernels; most machines have no GPU.
"""

import ctypes

DRIVERS = ("libcuda.so.1", "nvcuda.dll")


def may_mean_gpu(wanted: str) -> bool:
    """Whether `runtime.device` can be a GPU: it names one, or is `auto` and there is a driver."""
    return wanted.startswith("cuda") or (wanted == "auto" and any(map(_loads, DRIVERS)))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
