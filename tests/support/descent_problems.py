"""Problems for descent: one to count iterations on, fixed by κ and a seed, and one with a residual."""

from __future__ import annotations

import math

import numpy as np

from lsq_cli.exact.doublesums import DoubleSums
from lsq_cli.methods.gd import Descent, GradientDescent
from lsq_cli.methods.stopping import Limits
from lsq_cli.problems.normalizing import Normalized
from lsq_cli.problems.quadratic import Quadratic


def counting_problem(kappa, seed):
    """A (60, 20) with singular values from 1 to 1/κ, b = Ax (60,), and x (20,) itself."""
    rng = np.random.default_rng([int(kappa), int(seed)])
    U = np.linalg.qr(rng.standard_normal((60, 20)))[0]
    V = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    A = (U * np.logspace(0, -np.log10(kappa), 20)) @ V.T
    x = rng.standard_normal(20)
    return A, A @ x, x


def problem(kappa=10.0, seed=0, m=60, n=8, p=1, scale=1.0):
    """A (m, n) with singular values from 1 to 1/κ, b (m, p) with a residual."""
    rng = np.random.default_rng(seed)
    U, V = (np.linalg.qr(rng.standard_normal((size, n)))[0] for size in (m, n))
    A = (U * np.logspace(0, -math.log10(kappa), n)) @ V.T
    return A * scale, A @ rng.standard_normal((n, p)) + 0.1 * rng.standard_normal((m, p))


def form(A, b, ridge=0.0, normalize=False):
    """The quadratic form of ½‖Ax − b‖², in normalised columns if so asked."""
    sums = DoubleSums(A.shape[1], b.shape[1])
    sums.add(A, b)
    return Normalized(Quadratic(sums, ridge)) if normalize else Quadratic(sums, ridge)


def descent(A, b, ridge=0.0, **asked):
    """The method, with the limits among `asked`."""
    limits = Limits(**{key: asked.pop(key) for key in ("tol", "max_iter", "time_limit") if key in asked})
    b = b.reshape(len(b), -1)
    return GradientDescent(form(A, b, ridge, asked.get("normalize", False)), Descent(limits=limits, **asked))


def finish(method):
    """All iterates and the outcome."""
    rows, generator = [], method.iterates()
    while True:
        try:
            rows.append(next(generator))
        except StopIteration as stop:
            return rows, stop.value


def run(A, b, **asked):
    """The method, all its iterates, the outcome."""
    method = descent(A, b, **asked)
    return (method, *finish(method))


def gradient(A, b, x):
    """Aᵀ(Ax − b) as (n, p)."""
    return A.T @ (A @ x.reshape(A.shape[1], -1) - b)
