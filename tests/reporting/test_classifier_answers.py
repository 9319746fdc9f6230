from support.results import result

from stages.reporting import classifier_answers
from stages.reporting.table import Neighbours, Softmax


def test_the_softmax_layer_beside_the_svm() -> None:
    heads = classifier_answers.heads(
        [
            result("n/a", 0.8, softmax=Softmax(0.9, True, 1.0, False), svm_seconds=2.0),
            result("n/b", 0.8, softmax=Softmax(0.8, True, 2.0, False), svm_seconds=3.0),
            result("n/c", 0.8, softmax=Softmax(0.76, True, 9.0, False), svm_seconds=5.0),
            result("n/d", 0.8),
        ]
    )
    assert heads
    assert (heads.seconds, heads.svm_seconds) == (2.0, 3.0)
    assert [str(one.probe) for one in heads.each] == ["n/a", "n/b", "n/c"]
    assert classifier_answers.heads([result("n/d", 0.8)]) is None


def test_the_nearest_neighbours_beside_the_svm() -> None:
    def near(cosine: float, euclidean: float) -> dict[str, Neighbours]:
        both = {"cosine": cosine, "euclidean": euclidean}
        return {metric: Neighbours(3, 0.5, mean, 0.01) for metric, mean in both.items()}

    nearest = classifier_answers.nearest(
        [
            result("n/a", 0.8, knn=near(0.7, 0.6), mean_tuned_accuracy=0.75),
            result("n/b", 0.8, knn=near(0.6, 0.78), mean_tuned_accuracy=0.75),
            result("n/c", 0.8, knn=near(0.4, 0.3), mean_tuned_accuracy=0.5),
            result("n/d", 0.8),
        ]
    )
    assert nearest
    assert [str(one.probe) for one in nearest.each] == ["n/a", "n/b", "n/c"]
    assert (str(nearest.best[0].probe), nearest.best[1], nearest.beaten) == ("n/b", "euclidean", 2)
    assert classifier_answers.nearest([result("n/d", 0.8)]) is None
