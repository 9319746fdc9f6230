"""A probe: one layer of one backbone, on whose features a linear SVM is trained."""

from dataclasses import dataclass

FUSION = "fusion"  # stands where a backbone's name would: no backbone may be called so


@dataclass(frozen=True, order=True)
class Probe:
    """The layer `layer` of `backbone`, written `backbone/layer`; or the fusion `fusion/<name>`."""

    backbone: str
    layer: str

    @classmethod
    def parse(cls, text: str) -> "Probe":
        """The probe that `text` names, such as `vgg16/pool5`."""
        backbone, _, layer = text.partition("/")
        return cls(backbone, layer)

    def __str__(self) -> str:
        return f"{self.backbone}/{self.layer}"

    @property
    def fused(self) -> bool:
        """Whether the name is that of a fusion of several layers."""
        return self.backbone == FUSION
