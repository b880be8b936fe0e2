"""The exact sums against rational arithmetic, and against themselves in other orders."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.exact.limbs import Limbs

ANY = st.floats(allow_nan=False, allow_infinity=False)
TAME = st.floats(-1e6, 1e6, allow_subnormal=False)
HUGE_AND_TINY = st.builds(
    lambda sign, digits, e: sign * np.ldexp(float(digits), e),
    st.sampled_from([-1.0, 1.0]),
    st.integers(0, 2**53 - 1),
    st.integers(-1074, 970),
)
INTEGERS = st.integers(-(2**53), 2**53).map(float)
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
SPECIAL = st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1.0, 0.1])
WEIGHTS = st.one_of(st.floats(0, 1e3), st.floats(0, 1.7e308), st.sampled_from([0.0, 1.0, 2.0, 5e-324]))


@st.composite
def tables(draw, least=0):
    """M (rows, 3), each column from a family of its own."""
    m = draw(st.integers(least, 9))
    families = st.sampled_from([ANY, TAME, HUGE_AND_TINY, INTEGERS, FLOAT32, SPECIAL, st.just(0.0)])
    return np.column_stack([draw(arrays(np.float64, m, elements=draw(families))) for _ in range(3)])


def summed(M, weights=None):
    sums = ExactSums(M.shape[1] - 1, 1)
    sums.add(M[:, :-1], M[:, -1:], weights)
    return sums


def value(sums):
    """MᵀWM as Fractions."""
    N, e = sums.integers()
    k = range(len(e))
    return [[Fraction(int(N[i, j])) * Fraction(2) ** (e[i] + e[j]) for j in k] for i in k]


def expected(M, weights=None):
    rows = [[Fraction(float(x)) for x in row] for row in M]
    w = [Fraction(1)] * len(rows) if weights is None else [Fraction(float(x)) for x in weights]
    k = range(M.shape[1])
    return [[sum((v * r[i] * r[j] for v, r in zip(w, rows, strict=True)), Fraction(0)) for j in k] for i in k]


def same(one, other):
    N, e = one.integers()
    N2, e2 = other.integers()
    return one.rows == other.rows and e == e2 and (N == N2).all()


@given(tables())
@settings(max_examples=150, deadline=None)
def test_every_entry_is_the_sum_in_rational_arithmetic(M):
    assert value(summed(M)) == expected(M)


@pytest.mark.parametrize("k", [5, 7, 8, 13])
@pytest.mark.parametrize("deep", [slice(0, 64), slice(300, 310), slice(0, 0)])
def test_sums_are_exact_whatever_the_first_rows_say_and_however_many_slices_there_are(k, deep):
    rng = np.random.default_rng(k)
    M = rng.integers(-9, 10, (400, k)).astype(float)
    M[:, k // 2] = rng.standard_normal(400)
    M[deep] *= 2.0**-70

    assert value(summed(M)) == expected(M)


@given(tables(), st.data())
@settings(max_examples=120, deadline=None)
def test_weighted_sums_are_exact_too(M, data):
    weights = data.draw(arrays(np.float64, len(M), elements=WEIGHTS))

    assert value(summed(M, weights)) == expected(M, weights)


@given(tables(least=1), st.data())
@settings(max_examples=100, deadline=None)
def test_any_order_split_and_merge_tree_gives_the_same_integers(M, data):
    whole = summed(M)
    M = M[data.draw(st.permutations(range(len(M))))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(M)), max_size=4)))
    parts = [summed(part) for part in np.split(M, cuts)]
    while len(parts) > 1:
        first = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        second = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        first.merge(second)
        parts.append(first)

    assert same(parts[0], whole)
    assert parts[0] == whole
    assert parts[0].digest() == whole.digest()


@given(tables(), tables())
@settings(max_examples=80, deadline=None)
def test_subtracting_restores_the_earlier_sums(first, second):
    sums = summed(first)
    sums.merge(summed(second))
    sums.subtract(summed(second))

    assert sums == summed(first)


@given(tables(least=1), st.data())
@settings(max_examples=60, deadline=None)
def test_an_integer_weight_is_the_row_repeated(M, data):
    counts = data.draw(arrays(np.int64, len(M), elements=st.integers(0, 5)))

    weighted, repeated = summed(M, counts.astype(float)), summed(np.repeat(M, counts, axis=0))

    N, e = weighted.integers()
    N2, e2 = repeated.integers()
    assert e == e2
    assert (N == N2).all()
    assert weighted.rows == len(M)


@given(tables())
@settings(max_examples=60, deadline=None)
def test_pickles_and_integers_bring_the_sums_back(M):
    sums = summed(M)
    read = ExactSums.from_integers(2, 1, sums.rows, *sums.integers())

    assert pickle.loads(pickle.dumps(sums)) == sums
    assert read == sums

    read.merge(sums)
    sums.merge(sums)
    assert read == sums


@given(tables())
@settings(max_examples=80, deadline=None)
def test_doubles_are_the_scaled_entries_rounded_once(M):
    S, E = summed(M).doubles()
    G = expected(M)

    for i in range(3):
        for j in range(3):
            assert S[i, j] == float(G[i][j] * Fraction(2) ** (-E[i] - E[j]))
        assert G[i][i] == 0 or Fraction(1, 4) <= G[i][i] * Fraction(2) ** (-2 * E[i]) < 1
        assert G[i][i] != 0 or E[i] == 0


def tall(kind, rows=5000):
    rng = np.random.default_rng(7)
    normal = rng.standard_normal((rows, 4))
    match kind:
        case "normal":
            return normal
        case "lognormal":
            return np.exp(3 * normal)
        case "integers":
            return np.rint(normal * 1000)
        case "float32":
            return normal.astype(np.float32).astype(np.float64)
        case "constant, tiny, huge and mixed":
            return np.column_stack([np.full(rows, 0.1), normal[:, 0] * 1e-310, normal[:, 1] * 1e300, normal[:, 2]])
        case "one column over the whole range":
            wide = normal[:, 0] * 10.0 ** rng.uniform(-320, 300, rows)
            return np.column_stack([wide, normal[:, 1], np.rint(normal[:, 2]), np.zeros(rows)])
        case "sorted by size":
            return normal * 10.0 ** np.linspace(-200, 200, rows)[:, np.newaxis]
        case _:  # worst for the bounds: every slice but the first is half a unit of the one before it
            return np.full((rows, 4), float(2**53 - 1)) - np.ldexp(1.0, [0, 20, 30, 31])


KINDS = [
    "normal",
    "lognormal",
    "integers",
    "float32",
    "constant, tiny, huge and mixed",
    "one column over the whole range",
    "sorted by size",
    "worst case",
]


def python_sums(M, weights=None):
    """MᵀWM in Python integers, over one power of two: quicker than Fractions."""
    columns = [[Fraction(float(x)) for x in column] for column in M.T]
    shift = 1074
    numbers = [[int(x * (1 << shift)) for x in column] for column in columns]
    w = [1 << 1074] * len(M) if weights is None else [int(Fraction(float(x)) * (1 << 1074)) for x in weights]
    k = range(len(numbers))
    sums = [[0] * len(k) for _ in k]
    for i in k:
        weighted = [v * x for v, x in zip(w, numbers[i], strict=True)]
        for j in range(i + 1):
            sums[i][j] = sums[j][i] = sum(x * y for x, y in zip(weighted, numbers[j], strict=True))
    return [[Fraction(x, 1 << (2 * shift + 1074)) for x in row] for row in sums]


@pytest.mark.parametrize("kind", KINDS)
def test_many_rows_are_summed_exactly_in_any_pieces(kind):
    M = tall(kind)
    whole = summed(M)

    assert value(whole) == python_sums(M)

    blocks = ExactSums(3, 1)
    for block in np.split(M, [1, 2, 300, 2349, 2350, 4800]):
        blocks.add(block[:, :3], block[:, 3:])
    assert same(blocks, whole)

    backwards = summed(M[2500:][::-1])
    backwards.merge(summed(M[:2500][::-1]))
    assert same(backwards, whole)
    backwards.subtract(summed(M[:2500]))
    assert same(backwards, summed(M[2500:]))


@pytest.mark.parametrize("kind", KINDS)
def test_many_weighted_rows_are_summed_exactly(kind):
    M = tall(kind, 2200)
    rng = np.random.default_rng(3)
    weights = rng.random(len(M)) * 10.0 ** rng.choice([0, 0, 0, -150, 150], len(M))
    weights[::7] = 0

    assert value(summed(M, weights)) == python_sums(M, weights)


@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray, lambda M: np.repeat(M, 2, axis=1)[:, ::2]])
def test_the_layout_of_the_arrays_does_not_matter(layout):
    M = tall("normal", 300)
    A, b = layout(M[:, :3]), layout(M[:, 3:])
    sums = ExactSums(3, 1)
    sums.add(A, b)

    assert sums == summed(M)
    assert np.array_equal(A, M[:, :3])


def test_float32_arrays_are_taken_as_they_are():
    M = tall("float32", 300)
    sums = ExactSums(3, 1)
    sums.add(M[:, :3].astype(np.float32), M[:, 3:].astype(np.float32))

    assert sums == summed(M)


def test_an_intercept_is_a_column_of_ones_first():
    M = tall("normal", 3000)
    weights = np.linspace(0, 2, 3000)
    for w in (None, weights):
        sums = ExactSums(4, 1, intercept=True)
        sums.add(M[:, :3], M[:, 3:], w)

        assert sums == summed(np.column_stack([np.ones(3000), M]), w)


def test_weights_of_zero_and_one_choose_rows():
    M = tall("normal", 1000)
    weights = np.tile([0.0, 1.0], 500)
    chosen = summed(M, weights)

    assert chosen.rows == 1000
    assert value(chosen) == value(summed(M[1::2]))


def test_no_rows_give_zeros():
    sums = summed(np.zeros((0, 3)))

    N, e = sums.integers()
    S, E = sums.doubles()
    assert not N.any()
    assert e == E == [0, 0, 0]
    assert not S.any()
    assert sums == ExactSums(2, 1)


def test_limbs_carry_before_they_overflow():
    """Rows whose products fill the 53 bits, so often that unguarded int64 sums would wrap around."""
    M = np.full((2048, 2), 1.0 - 2.0**-22)
    block = summed(M)
    whole = ExactSums(1, 1)
    for _ in range(1500):
        whole.add(M[:, :1], M[:, 1:])
    merged = ExactSums(1, 1)
    for _ in range(12):
        block.merge(block)  # 4096 times the block
        merged.merge(block)

    assert value(whole) == [[1500 * 2048 * Fraction(float(M[0, 0])) ** 2] * 2] * 2
    assert value(merged) == [[(2**13 - 2) * 2048 * Fraction(float(M[0, 0])) ** 2] * 2] * 2


def test_canonical_exponents_divide_every_entry():
    """Σx² = 16 alone would allow e = 2 for x, but xᵀy = 2 = 2^1 does not; the rule asks both columns to give way."""
    sums = summed(np.array([[2.0, 1.0], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0]]))

    N, e = sums.integers()
    assert value(sums) == [[16, 2], [2, 1]]
    assert (N.tolist(), e) == ([[4, 2], [2, 4]], [1, -1])


def test_integers_are_python_integers_of_any_length():
    N, _ = summed(np.array([[1e300, 1e-300], [1e-300, 1e300]])).integers()

    assert {type(number) for number in N.ravel()} == {int}
    assert N[0, 0].bit_length() > 3000


def test_limbs_come_back_from_negative_and_long_integers():
    N = np.array([[5 << 300, -(3 << 100) - 1], [-(3 << 100) - 1, 7]], dtype=object)

    back, e = Limbs.from_integers(N, [-3, 8]).integers()
    assert [[int(back[i, j]) << (e[i] + e[j] + 400) for j in (0, 1)] for i in (0, 1)] == [
        [int(N[i, j]) << ((-3, 8)[i] + (-3, 8)[j] + 400) for j in (0, 1)] for i in (0, 1)
    ]


def test_equality_looks_at_value_and_rows():
    sums = summed(tall("normal", 10))

    assert sums != summed(tall("normal", 9))
    assert sums != "sums"
    more = summed(tall("normal", 10))
    more.add(np.zeros((1, 3)), np.zeros((1, 1)))
    assert value(more) == value(sums)
    assert more != sums


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    M = tall("normal", 10)
    broken = M.copy()
    broken[3, 1] = bad
    for before in (np.zeros((0, 4)), M):
        sums = summed(before)
        with pytest.raises(ValueError, match="every number must be finite"):
            sums.add(broken[:, :3], broken[:, 3:])
    with pytest.raises(ValueError, match="every number must be finite"):
        summed(M, np.array([1.0, bad] * 5))
