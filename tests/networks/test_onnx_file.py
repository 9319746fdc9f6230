"""Files are written with onnx.helper; at the end, the real one is run by ONNX's own evaluator."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from support.study import ROOT
from torch import Tensor, nn

from stages.networks import head, inference, models, onnx_file, wheel
from stages.networks.weights import state_dict
from stages.runtime.errors import StageError
from stages.runtime.params import load_params

SQUEEZE, ALEX = "torchvision/squeezenet1_1", "torchvision/alexnet"


class Graph:
    """A graph that grows node by node; each node takes the output of the last one."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.stored: list[Any] = []

    def add(self, kind: str, *tensors: Tensor | None, **attributes: Any) -> "Graph":
        number = len(self.nodes)
        names = [f"t{number}.{i}" for i, tensor in enumerate(tensors) if tensor is not None]
        found = [tensor.numpy() for tensor in tensors if tensor is not None]
        self.stored += map(numpy_helper.from_array, found, names)
        inputs = [f"x{number}", *names]
        self.nodes.append(helper.make_node(kind, inputs, [f"x{number + 1}"], f"n{number}", **attributes))
        return self

    def write(self, path: Path) -> Path:
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in ("x0", f"x{len(self.nodes)}")
        ]
        graph = helper.make_graph(self.nodes, "net", ends[:1], ends[1:], self.stored)
        onnx.save(helper.make_model(graph), path)
        return path


def written(model: str, path: Path, **others: Tensor) -> dict[str, Tensor]:
    """Write the model's convolutions to a file, in order, some with `others` instead; its tensors."""
    network, graph = models.build(model), Graph()
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            weight = others.get(name, module.weight.detach())
            graph.add("Conv", weight, module.bias.detach() if module.bias is not None else None)
            graph.add("Relu")
    graph.write(path)
    return network.state_dict()


def entry(model: str, path: Path, **layers: str) -> dict[str, Any]:
    return {"model": model, "weights": str(path), "layers": layers}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("data/own/weights").mkdir(parents=True)
    return Path("data/own/weights/net.onnx")


def test_convolutions_are_paired_in_order(path: Path) -> None:
    tensors = written(SQUEEZE, path)
    found = state_dict(entry(SQUEEZE, path))
    assert list(found) == list(tensors)
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def test_from_a_head_of_its_own_on_nothing_is_there(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = written(ALEX, path)
    found = state_dict(entry(ALEX, path))
    assert "no head: classifier.1.weight, classifier.1.bias, classifier.4.weight and 3 more" in (
        capsys.readouterr().out
    )
    assert all(
        torch.equal(found[f"features.{i}.weight"], tensors[f"features.{i}.weight"]) for i in (0, 10)
    )
    head.refuse_without(entry(ALEX, path, last="features.12"), found)
    with pytest.raises(StageError, match=r"without classifier.1, which runs before"):
        head.refuse_without(entry(ALEX, path, relu="classifier.2"), found)


def test_the_last_convolution_may_be_another_head(path: Path) -> None:
    written(SQUEEZE, path, **{"classifier.1": torch.ones(1000, 512, 3, 3)})
    assert head.lacking(state_dict(entry(SQUEEZE, path))) == ["classifier.1.weight", "classifier.1.bias"]


def test_a_convolution_that_does_not_fit_names_both_sides(path: Path) -> None:
    written(ALEX, path, **{"features.6": torch.ones(384, 192, 5, 5)})
    with pytest.raises(StageError) as caught:
        state_dict(entry(ALEX, path))
    said = str(caught.value)
    assert "with features.6 ((384, 192, 3, 3), bias (384,)) of torchvision/alexnet" in said
    assert "found n4 ((384, 192, 5, 5), bias (384,))" in said


def test_a_file_that_ends_before_the_head_is_refused(path: Path) -> None:
    Graph().add("Conv", torch.ones(64, 3, 11, 11), torch.ones(64)).write(path)
    with pytest.raises(StageError, match=r"features.3 .* found no further layer"):
        state_dict(entry(ALEX, path))


def test_batch_norm_that_was_folded_is_named(path: Path) -> None:
    """The convolution then has a bias, which ResNet's do not have."""
    Graph().add("Conv", torch.ones(64, 3, 7, 7), torch.ones(64)).write(path)
    with pytest.raises(
        StageError, match=r"no bias.*found n0 .*bias \(64,\).*batch norm that was folded"
    ):
        state_dict(entry("torchvision/resnet18", path))


def test_linear_layers_come_with_torchs_axes(path: Path) -> None:
    """The two forms in which ONNX stores a linear layer with a bias, and one without."""
    torch.manual_seed(0)
    weight, bias = torch.rand(3, 5), torch.rand(3)
    graph = Graph().add("Gemm", weight, bias, transB=1).add("Gemm", weight.T.contiguous(), bias)
    graph.add("MatMul", weight.T.contiguous()).add("Add", bias).add("MatMul", weight.T.contiguous())
    found = onnx_file.read(graph.write(path))
    assert len(found) == 4
    assert all(torch.equal(layer.weight, weight) for layer in found)
    assert [layer.bias is not None for layer in found] == [True, True, True, False]
    assert all(layer.bias is None or torch.equal(layer.bias, bias) for layer in found)


def test_behind_a_flattening_of_channels_last_maps_nothing_is_taken(path: Path) -> None:
    convolution = (torch.ones(2, 3, 1, 1), torch.ones(2))
    graph = Graph().add("Transpose", perm=[0, 3, 1, 2]).add("Conv", *convolution)
    graph.add("Transpose", perm=[0, 2, 3, 1]).add("MatMul", torch.ones(2, 4))
    assert [layer.name for layer in onnx_file.read(graph.write(path))] == ["n1"]


@pytest.mark.parametrize("what", ["missing", "damaged", "elsewhere", "computed"])
def test_what_cannot_be_read_is_one_line(what: str, path: Path) -> None:
    graph = Graph().add("Conv", torch.ones(2, 3, 1, 1))
    if what == "damaged":
        path.write_bytes(b"no graph at all")
    elif what == "computed":
        graph.stored.clear()
        graph.write(path)
    elif what == "elsewhere":
        model = onnx.load(graph.write(path))
        onnx.save(model, path, save_as_external_data=True, size_threshold=0, location="elsewhere.bin")
    with pytest.raises(StageError, match=f"inside at {path}"):
        onnx_file.read(path)


@pytest.mark.real
def test_the_original_vgg16_computes_what_its_own_graph_does(tmp_path: Path) -> None:
    """The file runs on pixels as Caffe wants them: blue first, the mean subtracted, channels last."""
    cpu, vgg = torch.device("cpu"), load_params(ROOT / "params.yaml")["backbones"]["vgg16_original"]
    torch.save(dict(state_dict(vgg)), tmp_path / "vgg.pth")
    network = inference.load_network(vgg, tmp_path / "vgg.pth", cpu)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    caffe = pixels[:, ::-1] - np.array([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)
    with wheel.weights_file(vgg["weights"].removeprefix("wheel:")) as path:
        model = onnx.load(path)
    pool = [node.output[0] for node in model.graph.node if node.op_type == "MaxPool"][-1]
    model.graph.output.append(helper.make_tensor_value_info(pool, TensorProto.FLOAT, None))
    body = onnx.utils.Extractor(model).extract_model(["input"], [pool])
    image = {"input": caffe.transpose(0, 2, 3, 1).astype(np.float32)}
    (expected,) = ReferenceEvaluator(body).run(None, image)
    with torch.inference_mode():
        found = network.features(inference.Normalise(vgg, cpu)(pixels)).numpy()
    assert expected.max() > 1
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-4 * expected.max())
