"""Which filter feature files should be written with.

    python -m benchmarks.codecs vgg16_random/pool4 efficientnet_lite0/blocks2

After `dvc repro`: writes the first 1,024 rows of each layer anew with each filter and prints the size
beside plain float16, and the speed of writing and reading (the files are in the page cache).
"""

import argparse
import tempfile
import time
from pathlib import Path

import h5py
import hdf5plugin
from hdf5plugin import Blosc2

FILTERS = {
    "none": {},
    "lz4, level 5, bytes": Blosc2(cname="lz4", clevel=5, filters=Blosc2.SHUFFLE),
    "lz4, level 5, bits": Blosc2(cname="lz4", clevel=5, filters=Blosc2.BITSHUFFLE),
    "zstd, level 1, bytes": Blosc2(cname="zstd", clevel=1, filters=Blosc2.SHUFFLE),
    "zstd, level 1, bits": Blosc2(cname="zstd", clevel=1, filters=Blosc2.BITSHUFFLE),
    "zstd, level 3, bytes": Blosc2(cname="zstd", clevel=3, filters=Blosc2.SHUFFLE),
    "bitshuffle and lz4": hdf5plugin.Bitshuffle(cname="lz4"),
}


def compare(probe: str, folder: Path) -> None:
    """Print a line for each filter."""
    with h5py.File(f"data/features/{probe}.h5", "r") as file:
        rows, chunks = file["features"][:1024], file["features"].chunks
    for name, chosen in FILTERS.items():
        path = folder / "features.h5"
        start = time.perf_counter()
        with h5py.File(path, "w") as file:
            file.create_dataset("features", data=rows, chunks=chunks, **chosen)
        written = time.perf_counter()
        with h5py.File(path, "r") as file:
            file["features"][:]
        read = time.perf_counter()
        size, mega = path.stat().st_size / rows.nbytes, rows.nbytes / 1e6
        speeds = f"{mega / (written - start):6.0f} MB/s {mega / (read - written):6.0f} MB/s"
        print(f"{probe:28} {name:22} {size:6.1%} {speeds}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("probes", nargs="+")
    print(f"{'layer':28} {'filter':22} {'size':>6} {'write':>11} {'read':>11}")
    with tempfile.TemporaryDirectory() as temporary:
        for name in parser.parse_args().probes:
            compare(name, Path(temporary))
