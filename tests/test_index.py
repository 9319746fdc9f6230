from typing import Any

from stages import index


def test_index_keeps_the_published_split(small: dict[str, Any], study: Any) -> None:
    small["data"]["source"] = "scene15"
    folder = study(small)
    for name in ("a/1.jpg", "a/2.jpg", "b/1.jpg"):
        (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "images" / name).touch()
    lines = [
        "label,file,split,bytes,sha256",
        "a,1.jpg,test,1,x",
        "a,2.jpg,train,1,y",
        "b,1.jpg,train,1,z",
    ]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    index.main(images=folder / "images", manifest=folder / "manifest.csv", rows=folder / "index.csv")
    assert (folder / "index.csv").read_text().splitlines() == [
        "row,label,file,split", "0,a,1.jpg,test", "1,a,2.jpg,train", "2,b,1.jpg,train",
    ]  # fmt: skip
