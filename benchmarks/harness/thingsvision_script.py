"""Time thingsvision on the layers of a network; `benchmarks.harness.thingsvision` runs this script.

    <python of thingsvision> -I benchmarks/harness/thingsvision_script.py <folder> <weights.pth>

The folder holds `batch.npy`, normalised images (n, 3, s, s), and `layers.json`, layer to module path.
Each line on standard input names a way. The script extracts all layers that way, keeps the features in
memory and answers with the seconds. `together` passes all modules to one call; `separately` makes one
call for each module. The features are then in <folder>/thingsvision.npz for comparison.

The script imports nothing of this project, which the environment of thingsvision does not serve.
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
    """Answer each line of standard input."""
    layers = json.loads((folder / "layers.json").read_text())
    batches = [torch.from_numpy(np.load(folder / "batch.npy"))]
    with contextlib.redirect_stdout(sys.stderr):
        extractor = get_extractor(
            "vgg16", source="torchvision", device="cpu", pretrained=False, model_path=str(weights)
        )

    def separately():
        return {layer: extract(module_name=path) for layer, path in layers.items()}

    def together():
        features = extract(module_names=list(layers.values()))
        return {layer: features[path] for layer, path in layers.items()}

    def extract(**modules):
        return extractor.extract_features(batches=batches, flatten_acts=True, **modules)

    ways = {"separately": separately, "together": together}
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            start = time.perf_counter()
            features = ways[line.strip()]()
            seconds = time.perf_counter() - start
            np.savez(folder / "thingsvision.npz", **features)
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
