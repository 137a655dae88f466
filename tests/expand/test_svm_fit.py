"""The solver and its Gram matrix against scikit-learn's libsvm."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC

from wsss_lib.expand.engine import smo
from wsss_lib.expand.engine.fit import gram, pixel_samples
from wsss_lib.expand.engine.samples import CellSamples, VectorSamples, scale_gamma
from wsss_lib.expand.svm import ImageSVM

from .maps import feature_map


def noisy_circles(samples=300, seed=0):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(samples, 4))
    y = np.hypot(X[:, 0], X[:, 1]) + 0.3 * generator.normal(size=samples) > 1.2
    X[::5] = X[1::5]  # equal samples, some with different labels
    return X, y


def rbf(X, gamma):
    return np.exp(-gamma * ((X[:, None] - X) ** 2).sum(-1))


def dual_objective(svc, kernel):
    beta = np.zeros(len(kernel))
    beta[svc.support_] = svc.dual_coef_[0]
    return 0.5 * beta @ kernel @ beta - np.abs(beta).sum()


@pytest.mark.parametrize("C", [0.1, 1, 100])
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_reaches_libsvms_optimum(C, kernel):
    X, y = noisy_circles()
    matrix = rbf(X, 0.25) if kernel == "rbf" else X @ X.T
    C = min(C, 1) if kernel == "linear" else C
    svc = SVC(kernel="precomputed", C=C, tol=1e-3).fit(matrix, y)
    found = smo.solve(matrix.astype(np.float32), y, C, 1e-3)
    assert found.objective == pytest.approx(dual_objective(svc, matrix), rel=1e-5)
    assert found.beta.sum() == pytest.approx(0, abs=1e-8 * C)
    signed = np.where(y, found.beta, -found.beta)
    assert ((signed >= 0) & (signed <= C)).all()
    decision = matrix @ found.beta + found.intercept
    np.testing.assert_allclose(decision, svc.decision_function(matrix), atol=1e-2)


@pytest.mark.parametrize("C", [1, 1000])
def test_a_problem_that_is_shrunk_has_the_same_optimum(monkeypatch, C):
    X, y = noisy_circles(600)
    matrix = rbf(X, 2.0)
    parts = []
    original = smo._minimise

    def counted(part, *args):
        parts.append(len(part))
        return original(part, *args)

    monkeypatch.setattr(smo, "STEPS", 0.1)
    monkeypatch.setattr(smo, "_minimise", counted)
    found = smo.solve(matrix.astype(np.float32), y, C, 1e-4)
    svc = SVC(kernel="precomputed", C=C, tol=1e-4).fit(matrix, y)
    assert min(parts) < 0.7 * len(y)
    assert found.objective == pytest.approx(dual_objective(svc, matrix), rel=1e-6)
    decision = matrix @ found.beta + found.intercept
    np.testing.assert_allclose(decision, svc.decision_function(matrix), atol=2e-3)
    # what was left out satisfies the conditions of the optimum too
    gradient = np.where(y, 1.0, -1.0) - matrix @ found.beta
    rise, fall = found.beta < np.where(y, C, 0), found.beta > np.where(y, 0, -C)
    assert gradient[rise].max() - gradient[fall].min() < 1.1e-4 + 1e-6 * C


def test_only_bounded_support_vectors():
    y = np.array([True, True, True, False])
    matrix = np.ones((4, 4))
    svc = SVC(kernel="precomputed").fit(matrix, y)
    found = smo.solve(matrix.astype(np.float32), y, 1.0, 1e-3)
    assert found.intercept == pytest.approx(svc.intercept_[0])
    assert found.objective == pytest.approx(dual_objective(svc, matrix))


def test_says_when_it_gives_up(monkeypatch):
    X, y = noisy_circles()
    monkeypatch.setattr(smo, "MAX_STEPS", 3)
    with pytest.warns(ConvergenceWarning, match="3 steps"):
        smo.solve(rbf(X, 0.25).astype(np.float32), y, 1.0, 1e-3)


def test_gram_of_pixels():
    generator = np.random.default_rng(0)
    maps = [feature_map(8, (4, 5), (20, 30)), feature_map(3, (20, 30), (20, 30), seed=1)]
    rows, cols = generator.integers(0, 20, 100), generator.integers(0, 30, 100)
    X = np.hstack([map_.at(rows, cols) for map_ in maps]).astype(np.float64)
    samples = pixel_samples(maps, rows, cols, 1.0)
    assert [type(part) for part in samples.parts] == [CellSamples, VectorSamples]
    assert scale_gamma(samples) == pytest.approx(1 / (11 * X.var()), rel=1e-6)
    found = gram(samples, "rbf", 0.1, threads=2)
    np.testing.assert_allclose(found, rbf(X, 0.1), atol=2e-6)
    np.testing.assert_allclose(gram(samples, "linear", 0.1), X @ X.T, atol=1e-5)
    np.testing.assert_allclose(samples.vectors(np.arange(5)), X[:5], atol=1e-6)


def test_equal_values_have_a_gamma():
    assert scale_gamma(VectorSamples(np.full((3, 2), 7.0))) == 1


def test_fit_does_not_depend_on_threads():
    X, y = np.random.default_rng(1).normal(size=(600, 30)), np.arange(600) % 4
    one, two = (ImageSVM(threads=threads).fit(X, y) for threads in (1, 2))
    np.testing.assert_array_equal(one.duals_.coef, two.duals_.coef)
    np.testing.assert_array_equal(one.duals_.intercept, two.duals_.intercept)
    assert (one.n_iter_ > 0).all()
