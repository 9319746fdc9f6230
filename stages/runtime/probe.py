"""A probe: one layer of one backbone, on whose features a linear SVM is trained."""

from dataclasses import dataclass

FUSION = "fusion"  # in the place of a backbone's name; params.schema.json forbids it as a name


@dataclass(frozen=True, order=True)
class Probe:
    """The layer `layer` of `backbone`, written `backbone/layer`; or the fusion `fusion/<name>`."""

    backbone: str
    layer: str

    @classmethod
    def parse(cls, text: str) -> "Probe":
        backbone, _, layer = text.partition("/")
        return cls(backbone, layer)

    def __str__(self) -> str:
        return f"{self.backbone}/{self.layer}"

    @property
    def fused(self) -> bool:
        return self.backbone == FUSION
