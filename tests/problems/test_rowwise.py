"""Descent by passes over the rows: the same f and ∇f as from sums, the same x from any source, and spools that go."""

from __future__ import annotations

import gc
import io
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli import solve
from lsq_cli.core.errors import DataError, OutputError, ProblemError, SourceConsumedError, UsageError
from lsq_cli.engines.resources import Resources
from lsq_cli.methods import RULES
from lsq_cli.problems import choosing, passes
from lsq_cli.problems.passes import Pass, Span, Survey
from lsq_cli.problems.rowwise import RowForm, RowwiseProblem
from lsq_cli.problems.summing import ProblemOptions, read_problem
from lsq_cli.problems.tally import constants_of
from lsq_cli.sources import spool
from lsq_cli.sources.binary import arrays
from lsq_cli.sources.blocks import Rows
from lsq_cli.sources.opening import open_python
from lsq_cli.sources.spool import HeldRows, Spool


def random_problem(seed: int, m: int = 60, n: int = 4, p: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((m, n)) * (rng.random((m, n)) < 0.6)
    return A, A @ rng.standard_normal((n, p)) + 0.1 * rng.standard_normal((m, p))


def by_rows(A, b, *, resources=None, intercept=False, ridge=0.0, **data) -> RowwiseProblem:
    options = ProblemOptions(intercept, ridge)
    problem = choosing.read(open_python(A, b, **data), options, resources, method="gd", rows=True)
    assert isinstance(problem, RowwiseProblem)
    return problem


# --- the objective


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 99),
    st.integers(1, 40),
    st.integers(1, 5),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0.0, 2.5]),
    st.booleans(),
)
def test_f_and_its_derivatives_are_those_of_the_sums(seed, m, n, p, intercept, weighted, ridge, is_sparse):
    A, b = random_problem(seed, m, n, p)
    weights = np.random.default_rng(seed).integers(0, 3, m) * 1.0 if weighted else None
    if weights is not None:
        weights[0] = 1.0  # without any row that counts there is no problem
    given_A = scipy.sparse.csr_array(A) if is_sparse else A
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "BLOCK_BYTES", 100)
        patch.setattr(passes, "_PIECE", 1)
        form = by_rows(given_A, b, weights=weights, intercept=intercept, ridge=ridge).form()
        options = ProblemOptions(intercept, ridge)
        quadratic = read_problem(open_python(A, b, weights=weights), options).form()
        x, d = np.random.default_rng(seed + 1).standard_normal((2, form.n))
        for t in range(p):
            rows, sums = form.objective(t), quadratic.objective(t)
            f, g = rows.value_and_gradient(x)

            assert (f, rows.b_squared) == pytest.approx(
                (sums.value_and_gradient(x)[0], sums.b_squared), rel=1e-9, abs=1e-12
            )
            assert g == pytest.approx(sums.value_and_gradient(x)[1], rel=1e-9, abs=1e-11)
            assert rows.c == pytest.approx(sums.c, rel=1e-12, abs=1e-12)
            assert rows.curvature(d) == pytest.approx(sums.curvature(d), rel=1e-9, abs=1e-12)
            assert rows.residual_norm(x, f) == pytest.approx(sums.residual_norm(x, f), rel=1e-9, abs=1e-9)
            assert rows.gradient_norm(g) == pytest.approx(np.linalg.norm(g))
            # The bound by rows is |A|ᵀ(|A||x| + |b|), which is not below |AᵀA||x| + |Aᵀb|.
            assert rows.rounding(x) >= 0.99 * sums.rounding(x)


def test_at_zero_no_row_is_read():
    form = by_rows(*random_problem(1)).form()
    f, g = form.objective(0).value_and_gradient(np.zeros(4))

    assert (f, g.tolist(), form.passes) == (0.5 * form.b_squared[0], (-form.c[:, 0]).tolist(), 1)


def test_passes_are_counted_for_all_targets_together():
    form = by_rows(*random_problem(1, p=2)).form()
    first, second = form.objective(0), form.objective(1)
    first.value_and_gradient(np.ones(4))
    second.curvature(np.ones(4))

    assert (first.passes, second.passes) == (3, 3)


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_the_bits_do_not_depend_on_the_threads(jobs, monkeypatch):
    monkeypatch.setattr(arrays, "BLOCK_BYTES", 1000)
    A, b = random_problem(2, 3000, 5)
    expected = solve(A, b, method="gd", rows=True, jobs=1)
    found = solve(A, b, method="gd", rows=True, jobs=jobs)

    assert found.x.tolist() == expected.x.tolist()
    assert found.objective == expected.objective


@pytest.mark.parametrize("step", RULES)
def test_descent_by_rows_takes_the_same_way_as_on_sums(step):
    A, b = random_problem(3, 400, 6, 2)
    sums = solve(A, b, method="gd", step=step, intercept=True, ridge=0.5)
    rows = solve(A, b, method="gd", step=step, intercept=True, ridge=0.5, rows=True)

    assert rows.x == pytest.approx(sums.x, rel=1e-6)
    # Without G the least eigenvalue is not known, which the momentum of nesterov makes use of.
    assert rows.iterations == sums.iterations or step == "nesterov"
    assert rows.converged
    assert (rows.rank, rows.condition, rows.digits, rows.forecast) == (None,) * 4
    assert (rows.precision, sums.passes) == ("double", 1)
    assert rows.passes > rows.iterations
    assert rows.residual_norm == pytest.approx(sums.residual_norm, rel=1e-7)
    assert rows.names == sums.names


def test_the_norms_reported_are_those_of_the_x_returned():
    A, b = random_problem(4, 50, 3)
    found = solve(A, b, method="gd", rows=True, max_iter=3)
    r = A @ found.x - b[:, 0]

    assert found.residual_norm == pytest.approx(np.linalg.norm(r), rel=1e-12)
    assert found.gradient_norm == pytest.approx(np.linalg.norm(A.T @ r), rel=1e-9)
    assert found.objective == pytest.approx(0.5 * r @ r, rel=1e-12)


def test_a_run_that_is_too_fast_diverges_without_a_warning():
    A, b = random_problem(5)
    found = solve(A, b, method="gd", rows=True, learning_rate=1e200, jobs=2)

    assert found.outcome == "diverged"


def test_counts_and_constant_columns_are_those_of_the_sums():
    A, b = random_problem(6, 200, 3)
    A[:, 1] = 7.0
    A[3, 0] = np.nan
    weights = np.ones(200)
    weights[10] = 0.0
    A[10, 1] = 8.0
    rows = by_rows(A, b, weights=weights, missing="drop").about
    sums = read_problem(open_python(A, b, weights=weights, missing="drop")).about

    assert (
        (rows.rows, rows.rows_read, rows.dropped) == (sums.rows, sums.rows_read, sums.dropped) == (199, 200, {"nan": 1})
    )
    assert rows.constant_column == sums.constant_column == 1
    assert rows.has_constant


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
def test_constant_columns_of_a_block(kind):
    A = np.array([[1.0, 2, 0, 3], [1, 2, 0, 4], [1, 5, 0, 3]])
    values = constants_of(kind(A))

    assert values[0] == 1
    assert np.isnan(values[[1, 3]]).all()
    assert constants_of(kind(A[:0])) is None


def test_a_block_without_rows_that_count_says_nothing_of_constants():
    nothing = Rows(np.empty((0, 1)), np.empty((0, 1)), None, 0, {})
    three = Rows(np.full((2, 1), 3.0), np.ones((2, 1)), None, 2, {})
    for order in ([nothing, three], [three, nothing], [nothing, three, three]):
        surveys = [Survey.of(rows, 1, False) for rows in order]
        for other in surveys[1:]:
            surveys[0].merge(other)

        assert surveys[0].tally.constant_column(intercept=False) == 0


def test_numbers_whose_squares_overflow_are_refused():
    with pytest.raises(ProblemError, match=r"beyond 1\.8e308: divide the columns of A or b by a power of ten"):
        solve(np.full((3, 2), 1e200), np.full(3, 1e200), method="gd", rows=True)


# --- when it is chosen


def test_many_unknowns_go_by_the_rows_and_say_so(monkeypatch, run_lsq, tmp_path):
    monkeypatch.chdir(tmp_path)
    A, b = random_problem(7, 50, 4)
    np.save("A.npy", A)
    np.save("b.npy", b)
    monkeypatch.setattr(choosing, "SUMMED", 3)
    result = run_lsq("solve", "A.npy", "b.npy", "--method", "gd", "--step", "cg")

    assert result.code == 0
    assert (
        "lsq: note: 4 unknowns, for which AᵀA would take 0 MB: every step is a pass over the rows, in double"
        in result.err
    )
    assert "gradient descent, a pass over the rows for every step" in result.out
    assert run_lsq("solve", "A.npy", "b.npy", "-f", "json").json["passes"] == 1
    assert run_lsq("solve", "A.npy", "b.npy", "-m", "gd", "-f", "json").json["passes"] > 3


def test_a_sparse_matrix_goes_by_the_rows_earlier_and_stays_sparse(monkeypatch):
    rng = np.random.default_rng(0)
    A = scipy.sparse.csr_array(rng.random((3000, 600)) * (rng.random((3000, 600)) < 0.005))
    A = A + scipy.sparse.eye_array(3000, 600, format="csr")
    b = np.random.default_rng(1).standard_normal(3000)
    monkeypatch.setattr(scipy.sparse.csr_array, "toarray", lambda self: pytest.fail("made dense"))
    found = solve(A, b, method="gd", step="cg")

    assert found.passes > found.iterations
    assert found.x == pytest.approx(scipy.sparse.linalg.lsqr(A, b, atol=1e-13, btol=1e-13)[0], rel=1e-5, abs=1e-8)


def test_a_sparse_matrix_beside_a_text_file_stays_sparse(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    A = scipy.sparse.eye_array(700, 600, format="csr") * 2.0
    scipy.io.mmwrite("A.mtx", A)
    Path("b.csv").write_text("b\n" + "\n".join(map(str, range(700))) + "\n")
    monkeypatch.setattr(scipy.sparse.csr_array, "toarray", lambda self: pytest.fail("made dense"))

    assert solve("A.mtx", "b.csv", method="gd").x == pytest.approx(np.arange(600) / 2)


def test_a_sparse_matrix_stays_sparse_where_b_comes_through_a_pipe(monkeypatch, tmp_path, run_lsq):
    monkeypatch.chdir(tmp_path)
    scipy.io.mmwrite("A.mtx", scipy.sparse.eye_array(700, 600, format="csr") * 2.0)
    monkeypatch.setattr(scipy.sparse.csr_array, "toarray", lambda self: pytest.fail("made dense"))
    found = run_lsq("solve", "A.mtx", "-", "-m", "gd", "-f", "json", stdin="\n".join(map(str, range(700))) + "\n").json

    assert found["x"] == pytest.approx(np.arange(600) / 2)
    assert found["passes"] > found["iterations"]


def test_missing_cells_of_a_sparse_matrix_drop_their_rows():
    A, b = random_problem(8, 30, 3)
    A[4, 1] = np.nan
    b[7] = np.nan
    sparse = solve(scipy.sparse.csr_array(A), b, method="gd", rows=True, missing="drop")
    dense = solve(A, b, method="gd", rows=True, missing="drop")

    assert sparse.dropped_rows == dense.dropped_rows == {"nan": 2}
    assert sparse.x == pytest.approx(dense.x)


def test_rows_belong_to_descent():
    with pytest.raises(UsageError, match='rows=True is a way to descend: add method="gd"'):
        solve(*random_problem(1), rows=True)


def test_normalize_needs_the_sums(monkeypatch, run_lsq, tmp_path):
    monkeypatch.setattr(choosing, "SUMMED", 3)
    np.save(tmp_path / "A.npy", random_problem(1)[0])
    np.save(tmp_path / "b.npy", random_problem(1)[1])
    result = run_lsq("solve", tmp_path / "A.npy", tmp_path / "b.npy", "-m", "gd", "--normalize")

    assert result.code == 1
    assert "--normalize changes the columns of AᵀA, and 4 unknowns are too many to have it" in result.err


def test_without_rows_there_is_no_problem():
    with pytest.raises(ProblemError, match="all 2 rows have a missing cell"):
        solve([[np.nan], [np.nan]], [1, 2], method="gd", rows=True, missing="drop")


def test_what_to_try_by_rows_is_not_the_normal_equations(monkeypatch, run_lsq, tmp_path):
    monkeypatch.setattr(choosing, "SUMMED", 3)
    np.save(tmp_path / "A.npy", random_problem(1)[0])
    np.save(tmp_path / "b.npy", random_problem(1)[1])
    files = (tmp_path / "A.npy", tmp_path / "b.npy", "-m", "gd", "--max-iter", "2")

    assert run_lsq("solve", *files).err.endswith("lsq: not converged: 2 steps done; try --step cg\n")
    assert run_lsq("solve", *files, "--step", "cg").err.endswith("lsq: not converged: 2 steps done; try more steps\n")


# --- the same problem from any source


@pytest.fixture
def files(tmp_path, monkeypatch):
    """One problem in many forms, all by the rows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(choosing, "SUMMED", 2)
    A, b = random_problem(9, 300, 4)
    table = np.hstack([A, b])
    np.save("table.npy", table)
    np.save("A.npy", A)
    np.save("b.npy", b)
    lines = [",".join(map(repr, row)) for row in table.tolist()]
    Path("table.csv").write_text("\n".join(lines) + "\n")
    return A, b


@pytest.mark.parametrize(
    ("args", "stdin"),
    [
        (["table.npy"], ""),
        (["A.npy", "b.npy"], ""),
        (["table.csv"], ""),
        (["-"], "table.csv"),
        (["-"], "table.npy"),
        (["-", "b.npy"], "A.npy"),
        (["table.npy", "-t", "-1"], ""),
    ],
)
def test_every_source_gives_the_same_x(files, args, stdin, run_lsq):
    data = Path(stdin).read_bytes() if stdin else b""
    found = run_lsq("solve", *args, "-m", "gd", "--step", "cg", "-f", "json", stdin=data).json
    expected = solve(*files, method="gd", step="cg", rows=True)

    # Rounding depends on how the rows lie in memory: the last bits are those of the source.
    assert found["x"] == pytest.approx(expected.x, rel=1e-9)
    assert found["residual_norm"] == pytest.approx(expected.residual_norm, rel=1e-12)


def test_only_a_stream_is_spooled(files, run_lsq, monkeypatch):
    spools = []
    monkeypatch.setattr(choosing, "Spool", lambda *args: spools.append(Spool(*args)) or spools[-1])
    run_lsq("solve", "table.csv", "-m", "gd")
    solve(*files, method="gd", rows=True)
    assert not spools

    run_lsq("solve", "-m", "normal", stdin=Path("table.csv").read_text())
    assert not spools
    run_lsq("solve", "-m", "gd", stdin=Path("table.csv").read_text())
    assert [each.rows for each in spools] == [300]


@pytest.mark.parametrize("fails", [False, True])
def test_a_spool_is_in_tmpdir_has_no_name_and_is_closed(files, run_lsq, monkeypatch, tmp_path, fails):
    folder = tmp_path / "room"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    opened = []
    real = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: opened.append(real(**options)) or opened[-1])
    text = Path("table.csv").read_text() + ("1,2,3,4,x\n" if fails else "")
    result = run_lsq("solve", "-m", "gd", stdin=text)
    gc.collect()

    assert result.code == int(fails)
    assert [file.closed for file in opened] == [True]
    assert list(folder.iterdir()) == []


def test_a_folder_without_room_is_one_clear_error(files, run_lsq, monkeypatch):
    def full(**options):
        class Full(io.BytesIO):
            def write(self, data):
                raise OSError(28, "No space left on device")

        return Full()

    monkeypatch.setattr(tempfile, "tempdir", "/somewhere")
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    result = run_lsq("solve", "-m", "gd", stdin=Path("table.csv").read_text())

    assert (result.code, result.raw) == (1, b"")
    assert result.err.splitlines()[-1] == (
        "lsq: error: temporary file in /somewhere: no space left on device; rows that come through a pipe and are read "
        "more than once are kept there: set TMPDIR to a folder with room, or write them to a file first"
    )


def test_no_folder_for_a_spool_is_one_clear_error(monkeypatch):
    def none():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(OutputError, match=r"^temporary file: no usable temporary directory found; rows that come"):
        Spool(1, 1, False)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 30), st.integers(1, 4), st.integers(1, 2), st.booleans(), st.integers(8, 300))
def test_a_spool_gives_back_what_was_put_in(m, n, p, weighted, size):
    rng = np.random.default_rng(m)
    A, b, w = rng.standard_normal((m, n)), rng.standard_normal((m, p)), rng.random(m)
    kept = Spool(n, p, weighted)
    for cut in (slice(0, m // 3), slice(m // 3, m)):
        kept.add(Rows(A[cut], b[cut], w[cut] if weighted else None, m, {}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "BLOCK_BYTES", size)
        for _ in range(2):
            blocks = list(kept.blocks())
            rows = [block.read() for block in blocks]

            assert np.array_equal(np.concatenate([np.empty((0, n)), *(each.A for each in rows)]), A)
            assert np.array_equal(np.concatenate([np.empty((0, p)), *(each.b for each in rows)]), b)
            if weighted:
                assert np.array_equal(np.concatenate([np.empty(0), *(each.weights for each in rows)]), w)
            assert sum(block.footprint for block in blocks) == 8 * m * (n + p + weighted)


def test_a_stream_is_still_read_once(files):
    source = open_python("table.csv")
    source.rereadable = False
    choosing.read(source, method="gd")

    with pytest.raises(SourceConsumedError):
        source.blocks()


def test_rows_that_change_between_passes_are_an_error(files):
    problem = choosing.read(open_python("table.csv"), method="gd")
    lines = Path("table.csv").read_text().splitlines(keepends=True)
    Path("table.csv").write_text("".join(lines[:-5]))

    with pytest.raises(DataError):
        problem.form().objective(0).value_and_gradient(np.ones(4))


def test_fewer_rows_than_at_first_are_counted():
    A, b = random_problem(1, 10)
    rows = Rows(A, b, None, 10, {})
    blocks = [HeldRows(rows)]
    form = RowForm(lambda: map(Span, [tuple(blocks)] * bool(blocks)), Survey.of(rows, 4, False), resources=Resources())
    blocks[0] = HeldRows(Rows(A[:7], b[:7], None, 7, {}))

    with pytest.raises(DataError, match=r"^the data has changed while it was read: 10 rows at first, 7 now$"):
        form.sweep(np.ones(4), 0)
    blocks.clear()
    with pytest.raises(DataError, match="10 rows at first, 0 now"):
        form.sweep(np.ones(4), 0)


def test_a_file_that_shrinks_between_passes_is_named(files):
    problem = choosing.read(open_python("A.npy", "b.npy"), method="gd")
    os.truncate("A.npy", 500)

    with pytest.raises(DataError, match=r"^A\.npy: truncated: 500 bytes where its header promises"):
        problem.form().objective(0).value_and_gradient(np.ones(4))


def test_the_pieces_of_a_block_change_nothing_but_rounding(monkeypatch):
    A, b = random_problem(11, 500, 5)
    rows, x = Rows(A, b, None, 500, {}), np.arange(5.0)
    whole = Pass(x, False, 0).of(rows)
    monkeypatch.setattr(passes, "_PIECE", 1)
    pieces = Pass(x, False, 0).of(rows)

    assert pieces.square == pytest.approx(whole.square, rel=1e-13)
    assert pieces.slope == pytest.approx(whole.slope, rel=1e-12)


@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray, lambda A: np.repeat(A, 2, axis=1)[:, ::2]])
def test_long_rows_in_any_layout(layout):
    A, b = random_problem(12, 300, 60)
    x = np.linspace(-1, 1, 60)
    part = Pass(x, False, 0).of(Rows(layout(A), b, None, 300, {}))

    assert part.square == pytest.approx(np.sum((A @ x - b[:, 0]) ** 2), rel=1e-12)
    assert part.slope == pytest.approx(A.T @ (A @ x - b[:, 0]), rel=1e-10)
