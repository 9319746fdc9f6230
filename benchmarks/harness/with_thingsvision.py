"""What `thingsvision` takes for the same layers: run by `benchmarks.parts.extraction`, not by hand.

    build/bench/thingsvision/bin/python -I benchmarks/harness/with_thingsvision.py <folder> <weights.pth>

The folder holds `batch.npy`, normalised images (n, 3, s, s), and `layers.json`, layer to module path.
For each line on standard input, which names a way, this extracts all layers that way, keeps them in
memory and answers with the seconds: `together` gives all modules to one call, `separately` makes a call
for each. What was extracted is then in <folder>/theirs.npz, for the caller to compare.

It imports nothing of this project: thingsvision 2.7.3 wants an environment of its own, with older
versions of numpy and torchvision.
"""

import contextlib
import json
import sys
import time
from pathlib import Path

import numpy as np

with contextlib.redirect_stdout(sys.stderr):  # standard output is for the answers
    import torch
    from thingsvision import get_extractor


def main(folder: Path, weights: Path) -> None:
    """Answer line by line."""
    layers = json.loads((folder / "layers.json").read_text())
    batches = [torch.from_numpy(np.load(folder / "batch.npy"))]
    with contextlib.redirect_stdout(sys.stderr):
        extractor = get_extractor(
            "vgg16", source="torchvision", device="cpu", pretrained=False, model_path=str(weights)
        )

    def separately():
        return {layer: extract(module_name=path) for layer, path in layers.items()}

    def together():
        found = extract(module_names=list(layers.values()))
        return {layer: found[path] for layer, path in layers.items()}

    def extract(**modules):
        return extractor.extract_features(batches=batches, flatten_acts=True, **modules)

    ways = {"separately": separately, "together": together}
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            start = time.perf_counter()
            found = ways[line.strip()]()
            seconds = time.perf_counter() - start
            np.savez(folder / "theirs.npz", **found)
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
