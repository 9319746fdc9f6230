"""Pictures for the tests of duplicates."""

import numpy as np
from PIL import Image


def scene(seed: int) -> Image.Image:
    """A picture with large and small shapes, unlike that of any other seed."""
    rng = np.random.default_rng(seed)
    field = np.zeros((96, 128))
    for size in (3, 6, 12, 24):
        noise = Image.fromarray(rng.normal(size=(size, size)).astype(np.float32))
        field += np.asarray(noise.resize((128, 96), Image.Resampling.BICUBIC)) * 4 / size**0.5
    return Image.fromarray(np.clip(128 + 40 * field, 0, 255).astype(np.uint8))
