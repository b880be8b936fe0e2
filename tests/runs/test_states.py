"""States in place of rows: the same bits of x, ‖Ax − b‖ and the hash, however the rows were parted and joined."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli import fit, gradient, predict, solve
from lsq_cli.core.errors import UsageError
from lsq_cli.engines.resources import Resources
from lsq_cli.problems import choosing
from lsq_cli.problems.states import State
from lsq_cli.problems.summing import ProblemOptions
from lsq_cli.runs.collecting import bytes_of, collect, merge, subtract
from lsq_cli.sources.columns import Request
from lsq_cli.sources.opening import open_source
from lsq_cli.sources.statefiles import packed, unpacked
from lsq_cli.sources.whole import open_whole

ROWS = 4000
CUTS = (1, 7, 300, 301, 1900, 3999)


@dataclass(frozen=True)
class Bits:
    """What may not depend on where the rows are."""

    x: bytes
    residual_norm: float
    digest: str
    condition: float | None
    digits: float | None


def bits(paths: list[Path], jobs: int = 1, **options) -> Bits:
    request = Request(target=("y",), missing=options.pop("missing", "error"), weights=options.pop("weights", None))
    source = open_source([str(path) for path in paths], request)
    problem = choosing.read(source, ProblemOptions(True, **options), Resources(jobs))
    x = problem.x
    return Bits(
        x.tobytes(), problem.value_at(x).residual_norm, problem.sums.digest(), problem.condition, problem.digits(x)
    )


def written(path: Path, table: np.ndarray, header: str = "a,b,c,y") -> Path:
    lines = [",".join("" if np.isnan(value) else repr(float(value)) for value in row) for row in table]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def state_of(paths: list[Path], into: Path, jobs: int = 1, **request) -> Path:
    whole = open_whole([str(path) for path in paths], Request(**{"target": ("y",), **request}))
    into.write_bytes(bytes_of(collect(whole, Resources(jobs))))
    return into


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    rng = np.random.default_rng(17)
    table = rng.normal(size=(ROWS, 4)) * [1.0, 1e6, 1e-9, 10.0]
    whole = written(folder / "whole.csv", table)
    return whole, [written(folder / f"part{k}.csv", part) for k, part in enumerate(np.split(table, CUTS))]


def test_one_file_seven_uneven_files_jobs_and_states_give_the_same_bits(parts, tmp_path):
    whole, seven = parts
    expected = bits([whole])
    states = [state_of([part], tmp_path / f"{part.stem}.lsqs") for part in seven]

    assert bits([whole], jobs=2) == expected
    assert bits(seven) == expected
    assert bits([state_of([whole], tmp_path / "whole.lsqs", jobs=2)]) == expected
    assert bits([state_of(seven, tmp_path / "seven.lsqs")]) == expected
    assert all(bits(order) == expected for order in (states, states[::-1], [*states[3:], *states[:3]]))


def test_merging_in_three_orders_and_groupings_writes_the_same_bytes(parts, tmp_path):
    whole, seven = parts
    states = [str(state_of([part], tmp_path / f"{part.stem}.lsqs")) for part in seven]
    expected = state_of([whole], tmp_path / "whole.lsqs").read_bytes()
    first, second = tmp_path / "first.lsqs", tmp_path / "second.lsqs"
    first.write_bytes(bytes_of(merge(states[4:])[0]))
    second.write_bytes(bytes_of(merge(states[3::-1])[0]))

    assert bytes_of(merge(states)[0]) == expected
    assert bytes_of(merge(states[::-1])[0]) == expected
    assert bytes_of(merge([str(first), str(second)])[0]) == expected


def test_a_part_added_and_subtracted_leaves_the_same_bytes(parts, tmp_path):
    _, seven = parts
    states = [str(state_of([part], tmp_path / f"{part.stem}.lsqs")) for part in seven]
    before = bytes_of(merge(states[:5])[0])
    more = tmp_path / "more.lsqs"
    more.write_bytes(bytes_of(merge(states)[0]))

    assert bytes_of(subtract(str(more), states[5:])) == before
    assert bytes_of(subtract(str(more), states[:4:-1])) == before


def test_the_parquet_and_the_two_npy_of_a_table_make_the_same_sums(parts, tmp_path):
    whole, _ = parts
    table = np.loadtxt(whole, delimiter=",", skiprows=1)
    np.save(tmp_path / "A.npy", table[:, :3])
    np.save(tmp_path / "b.npy", table[:, 3])
    state_of([tmp_path / "A.npy", tmp_path / "b.npy"], tmp_path / "pair.lsqs", target=())

    pair, one = (
        choosing.read(open_source([str(path)], Request()), ProblemOptions())
        for path in (tmp_path / "pair.lsqs", state_of([whole], tmp_path / "whole.lsqs"))
    )
    assert pair.about.names == ("x1", "x2", "x3") and pair.about.targets == ("b",)
    assert pair.sums.digest() == one.sums.digest()


@pytest.mark.parametrize("options", [{"ridge": 0.25}, {"rank_tol": 1e-3}, {}])
def test_dropped_and_weighted_rows_are_those_of_the_table(options, tmp_path):
    rng = np.random.default_rng(5)
    table = np.column_stack([rng.normal(size=(60, 3)), rng.integers(0, 4, 60), rng.normal(size=60)])
    table[[3, 9, 30, 50], [0, 3, 1, 3]] = np.nan
    table[9, 1] = np.nan  # earlier in the file than the weight that misses too
    path = written(tmp_path / "t.csv", table, "a,b,c,w,y")
    state = state_of([path], tmp_path / "t.lsqs", missing="drop", weights="w")
    more = {"missing": "drop", "weights": "w"}

    assert bits([state], **options) == bits([path], **more, **options)
    held = State.of_file(unpacked(state.read_bytes(), "t"), "t")
    assert held.dropped_by_column() == {"a": 1, "b": 2, "w": 1}
    assert held.dropped_by_reason() == {"empty": 4}
    assert (held.rows, held.weightless) == (56, int((np.delete(table, [3, 9, 30, 50], 0)[:, 3] == 0).sum()))


@pytest.mark.parametrize(("m", "n"), [(3, 5), (2, 2), (40, 35)])
def test_wide_small_and_many_columns_solve_alike(m, n, tmp_path):
    table = np.random.default_rng(m).normal(size=(m, n + 1)).round(3)
    path = written(tmp_path / "t.csv", table, ",".join([*(f"c{k}" for k in range(n)), "y"]))
    state = state_of([path], tmp_path / "t.lsqs")

    assert solve(str(state), intercept=True).x.tobytes() == solve(str(path), intercept=True).x.tobytes()


def test_any_columns_can_be_explained(parts, tmp_path):
    whole, _ = parts
    state = state_of([whole], tmp_path / "s.lsqs")

    for chosen in ({"target": ("a", "y"), "columns": "c"}, {"target": "b", "drop": "a"}, {"target": "-2"}):
        one, other = (solve(str(path), **chosen) for path in (whole, state))
        assert (one.x.tobytes(), one.names, one.targets) == (other.x.tobytes(), other.names, other.targets)
        assert (one.residual_norm, one.digits, one.condition) == (other.residual_norm, other.digits, other.condition)
        assert (one.passes, other.passes) == (1, 0)
    assert solve(str(state)).targets == ("y",)  # as -t marked it at collect
    statistics = [solve(str(path), target="y", intercept=True, statistics=True).statistics for path in (whole, state)]
    assert statistics[0].std_error.tobytes() == statistics[1].std_error.tobytes()


def test_python_takes_states_as_paths_and_says_what_needs_rows(parts, tmp_path):
    whole, seven = parts
    states = [state_of([part], tmp_path / f"{part.stem}.lsqs") for part in seven]
    expected = fit(str(whole), "y ~ a + b")
    found = fit([str(path) for path in states], "y ~ a + b")

    assert (found.x.tobytes(), found.extra["digest"]) == (expected.x.tobytes(), expected.extra["digest"])
    assert found.statistics.std_error.tobytes() == expected.statistics.std_error.tobytes()
    assert solve(states, target="y").x.tobytes() == solve(str(whole), target="y").x.tobytes()
    assert predict(found, str(whole)).prediction.tobytes() == predict(expected, str(whole)).prediction.tobytes()
    for asked in (
        lambda: predict(found, states[0]),
        lambda: gradient(states[0]),
        lambda: solve(states[0], method="gd", rows=True),
        lambda: solve(states[0], np.ones(3)),
        lambda: solve(states[0], weights=np.ones(3)),
    ):
        with pytest.raises(UsageError, match=r"is a state, sums without rows, and rows are needed here"):
            asked()
    with pytest.raises(UsageError, match=r"^vcov goes by the rows|^vcov= goes by the rows"):
        fit(states[0], "y ~ a", vcov="HC3")
    with pytest.raises(UsageError, match=r'precision="double" is a way to sum rows'):
        solve(states[0], precision="double")


def test_the_columns_of_states_may_stand_in_any_order(parts, tmp_path):
    _, seven = parts
    table = np.loadtxt(seven[2], delimiter=",", skiprows=1)
    turned = written(tmp_path / "turned.csv", table[:, [3, 1, 0, 2]], "y,b,a,c")
    one, two = state_of([seven[1]], tmp_path / "1.lsqs"), state_of([turned], tmp_path / "2.lsqs")
    straight = state_of(seven[1:3], tmp_path / "3.lsqs")

    merged = [bytes_of(merge(list(map(str, order)))[0]) for order in permutations([one, two])]
    assert merged[0] == merged[1] == straight.read_bytes()


NUMBERS = st.one_of(st.floats(-1e200, 1e200), st.integers(-5, 5).map(float), st.just(float("nan")))
TABLES = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=7).map(np.array)


@settings(max_examples=25, deadline=None)
@given(st.lists(TABLES, min_size=3, max_size=3), st.booleans())
def test_files_know_no_order_and_no_grouping_and_forget(tmp_path_factory, tables, weighed):
    folder = tmp_path_factory.mktemp("states")
    if weighed:
        tables = [np.column_stack([table[:, :2], np.abs(table[:, 2])]) for table in tables]
    # By name, for a part in which a column has no number would do without it.
    request = {"missing": "drop", "weights": "w" if weighed else None, "columns": ("a",) if weighed else ("a", "c")}
    paths = []
    for k, table in enumerate(tables):
        written(folder / f"{k}.csv", table, "a,y,w" if weighed else "a,c,y")
        paths.append(str(state_of([folder / f"{k}.csv"], folder / f"{k}.lsqs", **request)))
    one, two, three = paths
    results = {bytes_of(merge(order)[0]) for order in permutations(paths)}
    pair, rest = folder / "pair.lsqs", folder / "all.lsqs"
    pair.write_bytes(bytes_of(merge([two, three])[0]))
    rest.write_bytes(results.pop())

    assert not results
    assert bytes_of(merge([one, str(pair)])[0]) == rest.read_bytes()
    assert bytes_of(subtract(str(rest), [one])) == pair.read_bytes()
    assert packed(unpacked(rest.read_bytes(), "all")) == rest.read_bytes()
