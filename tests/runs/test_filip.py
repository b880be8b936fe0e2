"""Filip of NIST (Filippelli 1981): a polynomial of degree 10 whose columns numpy takes for dependent."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsq_cli import fit

FILIP = Path(__file__).parent / "nist" / "filip.csv"
CERTIFIED = [
    *(-1467.48961422980, -2772.17959193342, -2316.37108160893, -1127.97394098372, -354.478233703349),
    *(-75.1242017393757, -10.8753180355343, -1.06221498588947, -0.670191154593408e-01, -0.246781078275479e-02),
    -0.402962525080404e-04,
]
ERRORS = [
    *(298.084530995537, 559.779865474950, 466.477572127796, 227.204274477751, 71.6478660875927, 15.2897178747400),
    *(2.23691159816033, 0.221624321934227, 0.142363763154724e-01, 0.535617408889821e-03, 0.896632837373868e-05),
]


def test_seven_digits_come_out_of_the_raw_numbers():
    solution = fit(FILIP, "y ~ poly(x, 10, raw=True)")

    # The decimals of x and y, rounded to doubles, keep that many digits of the certified ones.
    np.testing.assert_allclose(solution.x, CERTIFIED, rtol=1e-7)
    np.testing.assert_allclose(solution.statistics.std_error, ERRORS, rtol=1e-7)
    assert abs(solution.statistics.r_squared - 0.996727416185620) < 1e-12
    assert solution.rank == 11


def test_numpy_has_no_digit_of_it():
    y, x = np.loadtxt(FILIP, delimiter=",", skiprows=1, unpack=True)
    found = np.linalg.lstsq(np.vander(x, 11, increasing=True), y)[0]

    assert not np.allclose(found, CERTIFIED, rtol=0.1)
