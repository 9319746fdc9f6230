import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_distances, euclidean_distances
from sklearn.neighbors import KNeighborsClassifier

from stages.kernels import neighbours

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 12)) + 0.7 * np.eye(4, 12)[np.arange(80) % 4]
X[3] = 0
Y = np.arange(80) % 4
K = X @ X.T


def test_distances_are_scikit_learns() -> None:
    cosine = neighbours.distances(K, "cosine")
    assert cosine[3, 3] == 1  # a row of zeros; scikit-learn's are 0 apart from themselves alone
    cosine[3, 3] = 0
    assert cosine == pytest.approx(cosine_distances(X), abs=1e-12)
    squared = neighbours.distances(K, "euclidean")
    assert squared == pytest.approx(euclidean_distances(X, squared=True), abs=1e-10)
    assert squared.min() >= 0


@pytest.mark.parametrize("metric", neighbours.METRICS)
def test_predictions_are_scikit_learns_on_the_raw_features(metric: str) -> None:
    ks = [1, 2, 3, 5, 10, 20, 50]  # 2 and 10 have ties
    found = neighbours.predict(neighbours.distances(K, metric)[50:, :50], Y[:50], ks)
    for k in ks:
        theirs = KNeighborsClassifier(k, metric=metric, algorithm="brute").fit(X[:50], Y[:50])
        assert np.array_equal(found[k], theirs.predict(X[50:]))


def test_a_tie_goes_to_the_first_class() -> None:
    D = np.array([[0.1, 0.2, 0.3, 0.4]])
    found = neighbours.predict(D, np.array([2, 1, 1, 2]), [1, 2, 3, 4])
    assert {k: int(said[0]) for k, said in found.items()} == {1: 2, 2: 1, 3: 1, 4: 1}
