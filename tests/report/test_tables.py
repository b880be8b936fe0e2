"""Screens, compared whole: what a Solution looks like in a pipe, on a terminal and without Unicode."""

from __future__ import annotations

import io
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from lsq_cli.core.solution import Iterate, Outcome, Solution
from lsq_cli.report.fitting import cells, grid_width
from lsq_cli.report.layout import plain_text, print_ruled
from lsq_cli.report.page import Page
from lsq_cli.report.tables import coefficients, formula, print_solution, sections, support


def iterate(k, x, objective, residual_norm, gradient_norm, step_length=math.nan):
    return Iterate(k, np.array(x), objective, residual_norm, gradient_norm, step_length, k / 8)


def normal(**changes):
    """A line by the normal equations."""
    fields = {
        "method": "normal",
        "outcome": Outcome.CONVERGED,
        "data": ("line.csv",),
        "rows": 5,
        "rows_read": 5,
        "columns": 2,
        "rank": 2,
        "names": ("(intercept)", "x"),
        "targets": ("y",),
        "x": np.array([2.05, 3.97]),
        "objective": 0.123456789,
        "residual_norm": 0.5,
        "gradient_norm": 1.5e-15,
        "condition": 4.23606797749979,
        "digits": 15.9,
        "data_digits": 12.25,
        "iterations": 1,
        "passes": 1,
        "precision": "extended",
        "iterates": (
            iterate(0, [0.0, 0.0], 1234.5678, 49.69, 87.5),
            iterate(1, [2.05, 3.97], 0.123456789, 0.5, 1.5e-15, 1.0),
        ),
    }
    return Solution(**{**fields, **changes})


def descended(**changes):
    """The same by descent that ran into its limit, with everything there is to warn of."""
    fields = {
        "method": "gd",
        "outcome": Outcome.MAX_ITERATIONS,
        "rows_read": 9,
        "condition": None,
        "digits": 3.7,
        "data_digits": 2.25,
        "iterations": 5,
        "passes": 6,
        "step": "constant",
        "learning_rate": 0.0625,
        "largest_stable_rate": 0.125,
        "dropped_rows": {"empty": 3, "na": 1},
        "left_out": ("city", "[red]name[/red]"),
        "dependencies": ("z = 2 y", "w = z - y"),
        "warnings": ("weights of 2 rows are 0",),
        "iterates": (
            iterate(0, [0.0, 0.0], 1234.5678, 49.69, 87.5),
            iterate(1, [-0.5, 12.25], 17.5, 5.9160797, 8.75, 0.0625),
            iterate(5, [2.0487, 3.9711], 0.124, 0.49799598, 0.0009765625, 0.0625),
        ),
    }
    return normal(**{**fields, **changes})


def as_text(solution, encoding="utf-8"):
    """What is printed where there is no terminal."""
    return plain_text(sections(solution, Page(encoding)))


def render(solution, console):
    """Print on a terminal."""
    print_ruled(sections(solution, Page(console.encoding, console.width)), console)


def screen(solution, width=80, encoding="utf-8"):
    """What a terminal of `width` cells shows, without its styles."""
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding=encoding, newline="")
    console = Console(file=file, force_terminal=True, color_system=None, width=width, legacy_windows=False)
    render(solution, console)
    file.flush()
    return buffer.getvalue().decode(encoding)


def without_trailing_blanks(text):
    return "\n".join(line.rstrip() for line in text.split("\n"))


def wide(n, p=1):
    """n coefficients 1, 2, 3, … for each of p targets."""
    x = np.arange(1.0, n * p + 1)
    return normal(
        names=tuple(f"c{k}" for k in range(1, n + 1)),
        targets=tuple(f"b{k}" for k in range(1, p + 1)),
        x=x.reshape(n, p) if p > 1 else x,
        columns=n,
        iterates=None,
    )


class TestPlainText:
    def test_of_the_normal_equations(self):
        assert as_text(normal()) == (
            """\
Summary
  method                      normal equations, sums in extended precision
  rows                        5
  columns                     2
  rank                        2
  scaled condition            4.23607
  objective                   0.123457
  ‖Ax − b‖                    0.5
  ‖∇f‖                        1.5e-15
  iterations                  1
  passes over the data        1
  correct digits, guaranteed  15.9
  digits the data support     12.2
  outcome                     converged

Solution
  name            x
  (intercept)  2.05
  x            3.97

Iterates
  k      f(x)  ‖Ax − b‖     ‖∇f‖  step  (intercept)     x
  0   1234.57     49.69     87.5               0     0
  1  0.123457       0.5  1.5e-15     1         2.05  3.97

y ≈ 2.05 + 3.97·x
"""
        )

    def test_of_descent_that_did_not_converge(self):
        assert as_text(descended()) == (
            """\
Summary
  method                      gradient descent, sums in extended precision
  step rule                   constant
  learning rate               0.0625
  largest stable rate         0.125
  rows                        5
  rows read                   9
  rows dropped                4 (3 empty, 1 na)
  columns left out            city, [red]name[/red]
  columns                     2
  rank                        2
  scaled condition            not known
  objective                   0.123457
  ‖Ax − b‖                    0.5
  ‖∇f‖                        1.5e-15
  iterations                  5
  passes over the data        6
  correct digits, guaranteed  3.7
  digits the data support     2.2
  outcome                     not converged: the limit on iterations was reached

Solution
  name            x
  (intercept)  2.05
  x            3.97

The data support 2 digits of every coefficient; their last bit moves the rest.

Iterates
  k     f(x)  ‖Ax − b‖         ‖∇f‖    step  (intercept)      x
  0  1234.57     49.69         87.5                 0      0
  1     17.5   5.91608         8.75  0.0625        -0.5   12.25
  5    0.124  0.497996  0.000976562  0.0625         2.05   3.97

Dependencies
  z = 2 y
  w = z - y

Warnings
  weights of 2 rows are 0

y ≈ 2.05 + 3.97·x
"""
        )

    def test_where_the_encoding_is_ascii(self):
        text = as_text(normal(targets=("Größe",), names=("(intercept)", "日")), "ascii")

        assert text.isascii()
        assert text.endswith(
            """\
  ||Ax - b||                  0.5
  ||grad f||                  1.5e-15
  iterations                  1
  passes over the data        1
  correct digits, guaranteed  15.9
  digits the data support     12.2
  outcome                     converged

Solution
  name            x
  (intercept)  2.05
  \\u65e5       3.97

Iterates
  k      f(x)  ||Ax - b||  ||grad f||  step  (intercept)  \\u65e5
  0   1234.57       49.69        87.5               0       0
  1  0.123457         0.5     1.5e-15     1         2.05    3.97

Gr\\xf6\\xdfe ~= 2.05 + 3.97*\\u65e5
"""
        )

    @pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii"])
    def test_has_ascii_labels_where_one_of_our_signs_is_missing(self, encoding):
        text = as_text(normal(targets=("Größe",)), encoding)

        assert "||grad f||" in text
        assert text.splitlines()[-1].endswith(" ~= 2.05 + 3.97*x")
        assert ("Größe" in text) is (encoding != "ascii")

    def test_has_a_column_for_each_target(self):
        x = np.array([[1.5, -20.0], [0.25, 3.0]])
        answer = normal(x=x, targets=("b1", "b2"), iterates=(iterate(0, x, 1.0, 1.0, 1.0),))

        assert as_text(answer).partition("Solution\n")[2] == (
            """\
  name           b1   b2
  (intercept)  1.5   -20
  x            0.25    3

Iterates
  k  f(x)  ‖Ax − b‖  ‖∇f‖  step  (intercept):b1  (intercept):b2  x:b1  x:b2
  0     1         1     1                   1.5             -20  0.25     3
"""
        )

    def test_cuts_nothing(self):
        long = "long " * 50 + "name"
        text = as_text(normal(names=(long, "x"), warnings=("warned " * 50 + "of it",)))

        assert f"  {long}  2.05\n" in text
        assert "warned " * 50 + "of it\n" in text
        assert len(as_text(wide(1000)).partition("Solution\n")[2].splitlines()) == 1001
        assert as_text(wide(3, 200)).splitlines()[-1].split() == ["c3", *map(str, range(401, 601))]

    def test_shows_x_among_the_iterates_up_to_forty_columns(self):
        for n, columns in ((40, 45), (41, 5)):
            rows = (iterate(0, [1.0] * n, 1.0, 1.0, 1.0, 1.0),)
            answer = normal(names=tuple(f"c{k}" for k in range(n)), x=np.ones(n), iterates=rows)

            assert len(as_text(answer).splitlines()[-1].split()) == columns

    def test_lines_up_names_by_the_cells_they_take(self):
        text = as_text(normal(names=("日本", "e\u0301a"), iterates=None))

        assert "  name     x\n  日本  2.05\n  e\u0301a    3.97\n" in text

    def test_has_the_rows_read_only_where_they_are_others(self):
        assert "rows read" not in as_text(normal())
        assert "  rows read                   7\n  rows dropped                0\n" in as_text(normal(rows_read=7))


class TestTerminal:
    def test_shows_rules_around_every_table(self):
        assert without_trailing_blanks(screen(descended())) == (
            """\
Summary
 ──────────────────────────────────────────────────────────────────────────────
 method                      gradient descent, sums in extended precision
 step rule                   constant
 learning rate               0.0625
 largest stable rate         0.125
 rows                        5
 rows read                   9
 rows dropped                4 (3 empty, 1 na)
 columns left out            city, [red]name[/red]
 columns                     2
 rank                        2
 scaled condition            not known
 objective                   0.123457
 ‖Ax − b‖                    0.5
 ‖∇f‖                        1.5e-15
 iterations                  5
 passes over the data        6
 correct digits, guaranteed  3.7
 digits the data support     2.2
 outcome                     not converged: the limit on iterations was reached
 ──────────────────────────────────────────────────────────────────────────────

Solution
 ─────────────────
 name            x
 ─────────────────
 (intercept)  2.05
 x            3.97
 ─────────────────

The data support 2 digits of every coefficient; their last bit moves the rest.

Iterates
 ─────────────────────────────────────────────────────────────
 k     f(x)  ‖Ax − b‖         ‖∇f‖    step  (intercept)      x
 ─────────────────────────────────────────────────────────────
 0  1234.57     49.69         87.5                 0      0
 1     17.5   5.91608         8.75  0.0625        -0.5   12.25
 5    0.124  0.497996  0.000976562  0.0625         2.05   3.97
 ─────────────────────────────────────────────────────────────

Dependencies
  z = 2 y
  w = z - y

Warnings
  weights of 2 rows are 0

y ≈ 2.05 + 3.97·x
"""
        )

    def test_keeps_x_of_few_unknowns_and_names_the_columns_it_leaves_out(self):
        assert "left out on" not in screen(descended(), width=62)
        assert """\
 k     f(x)  ‖Ax − b‖         ‖∇f‖  (intercept)      x
""" in without_trailing_blanks(screen(descended(), width=61))
        assert "left out on this narrow screen: step; --history" in screen(descended(), width=61)
        assert " k         ‖∇f‖  (intercept)      x\n" in screen(descended(), width=42)

    def test_leaves_out_x_of_many_unknowns_first(self):
        rows = (iterate(0, [1e-9] * 4, 1234.5678, 49.69, 87.5), iterate(1, [1.23456] * 4, 1.0, 1.0, 1.0, 1.0))
        shown = screen(normal(names=("p", "q", "r", "s"), x=np.ones(4), iterates=rows), width=60)

        assert " k     f(x)  ‖Ax − b‖  ‖∇f‖  step\n" in shown
        assert "left out on this narrow screen: p, q, r, s;" in shown

    def test_leaves_out_the_middle_of_a_long_x_and_says_where_it_is(self):
        shown = without_trailing_blanks(screen(wide(41))).partition("Solution\n")[2].splitlines()

        assert shown[3:18] == [f" c{k:<5}{k:>2}" for k in range(1, 16)]
        assert shown[18] == " …      …"
        assert shown[19:34] == [f" c{k:<5}{k:>2}" for k in range(27, 42)]
        assert shown[35:] == [" left out: 11 of 41 rows; -f csv or -o FILE.csv has all"]

    def test_shows_forty_coefficients_whole(self):
        assert "left out" not in screen(wide(40))

    def test_shows_the_targets_that_fit(self):
        shown = without_trailing_blanks(screen(wide(2, 9), width=40)).partition("Solution\n")[2].splitlines()

        assert shown[1:5] == [
            " name  b1  b2  b3  b4  b5  b6  b7  b8",
            " ────────────────────────────────────",
            " c1     1   2   3   4   5   6   7   8",
            " c2    10  11  12  13  14  15  16  17",
        ]
        assert shown[6:] == [" left out on this narrow screen: b9;", " -f csv has all"]

    def test_cuts_a_long_name_in_its_middle(self):
        shown = screen(normal(names=("long " * 20 + "name", "x")))

        assert " long long long long long l…ong long name  2.05" in shown

    @pytest.mark.parametrize("width", [20, 30, 40])
    def test_never_cuts_a_number_that_is_wider_than_the_screen(self, width):
        answer = normal(x=np.array([-1.2345678901234567e-100, 1.0]), names=("n" * 25, "x"), iterates=None)

        assert "-1.2345678901234567e-100" in screen(answer, width)

    def test_rules_are_as_wide_as_foreseen(self):
        grid = coefficients(normal(), Page())

        rule = screen(normal()).partition("Solution\n")[2].splitlines()[0]
        assert cells(rule) == grid_width(grid)

    def test_has_no_line_wider_than_the_screen(self):
        for width in (60, 80):
            assert max(map(cells, screen(descended(), width).splitlines())) <= width

    def test_without_unicode_is_ascii_with_the_same_numbers(self):
        shown = screen(descended(), encoding="ascii")

        assert shown.isascii()
        assert "||grad f||" in shown
        assert shown.endswith("y ~= 2.05 + 3.97*x\n")

    def test_styles_are_bold_and_dim_which_any_background_allows(self):
        file = io.StringIO()
        render(normal(), Console(file=file, force_terminal=True, color_system="truecolor", width=80, no_color=False))

        styles = {part.partition("m")[0] for part in file.getvalue().split("\x1b[")[1:]}
        assert styles == {"0", "1", "2"}


class TestNamesFromData:
    NAMES = ("[red]x[/red]", "\x1b[31mred\x1b[0m\a")

    @pytest.mark.parametrize("show", [as_text, screen])
    def test_are_text_and_neither_markup_nor_escape_codes(self, show):
        shown = show(normal(names=self.NAMES, targets=("\x1b]0;t\x07",), left_out=("\r\n", ":smile:")))

        assert all(line.isprintable() for line in shown.splitlines())
        assert "[red]x[/red]" in shown
        assert "\\x1b[31mred\\x1b[0m\\x07" in shown
        assert "\\x1b]0;t\\x07 ≈ 2.05·[red]x[/red] + 3.97·" in "".join(shown.splitlines()[-1])
        assert "\\r\\n, :smile:" in shown

    @pytest.mark.parametrize("show", [as_text, screen])
    def test_are_text_in_warnings_and_dependencies_too(self, show):
        shown = show(normal(warnings=("[bold]\x1b[31m",), dependencies=("\u202ea = [b]c[/b]",)))

        assert "  [bold]\\x1b[31m" in shown
        assert "  \\u202ea = [b]c[/b]" in shown

    @given(name=st.text(max_size=30), encoding=st.sampled_from(["utf-8", "ascii", "cp1252"]))
    @settings(max_examples=60, deadline=None)
    @example(name="\ud800…‖", encoding="cp1252")
    def test_never_break_a_line_or_the_encoding(self, name, encoding):
        text = as_text(normal(names=(name, "x")), encoding)

        assert text.encode(encoding).decode(encoding) == text
        assert len(text.splitlines()) == len(as_text(normal()).splitlines())


class TestFormula:
    @pytest.mark.parametrize(
        ("names", "x", "line"),
        [
            (("(intercept)", "x"), [2.05, 3.97], "y ≈ 2.05 + 3.97·x"),
            (("(intercept)", "x"), [-2.05, -3.97], "y ≈ −2.05 − 3.97·x"),
            (("x1", "x2"), [1.0, -1e-20], "y ≈ 1·x1 − 1e-20·x2"),
            (("a", "b", "c", "d"), [1.0, 0.0, -0.0, 123456789.0], "y ≈ 1·a + 0·b + 0·c + 1.23457e+08·d"),
            (("body mass (g)",), [0.1 + 0.2], "y ≈ 0.3·body mass (g)"),
            (("a", "b", "c", "d", "e"), [1.0] * 5, ""),
            (("a", "b"), [1.0, math.inf], ""),
            (("a",), [math.nan], ""),
        ],
    )
    def test_says_the_model_in_one_line(self, names, x, line):
        assert formula(normal(names=names, x=np.array(x)), Page()) == line

    def test_has_no_more_digits_than_are_sure(self):
        x = np.array([1.23456789, 9.87654321])

        assert formula(normal(x=x, digits=2.9), Page()) == "y ≈ 1.2 + 9.9·x"
        assert formula(normal(x=x, digits=0.0), Page()) == "y ≈ 1 + 1e+01·x"
        assert formula(normal(x=x, digits=None), Page()) == "y ≈ 1.23457 + 9.87654·x"

    def test_is_not_written_for_several_targets(self):
        assert formula(normal(x=np.ones((2, 2)), targets=("b1", "b2")), Page()) == ""

    def test_is_written_for_one_target_of_a_matrix(self):
        assert formula(normal(x=np.array([[1.0], [2.0]])), Page()) == "y ≈ 1 + 2·x"


class TestSupport:
    @pytest.mark.parametrize(
        ("data_digits", "line"),
        [
            (None, ""),
            (15.5, ""),
            (6.0, ""),
            (5.99, "The data support 5 digits of every coefficient; their last bit moves the rest."),
            (1.2, "The data support 1 digit of every coefficient; their last bit moves the rest."),
            (0.9, "The data support not one digit of some coefficient; their last bit moves all of it."),
        ],
    )
    def test_is_remarked_upon_where_it_is_small(self, data_digits, line):
        answer = normal(data_digits=data_digits)

        assert support(answer) == line
        assert ("The data support" in as_text(answer)) is bool(line)

    def test_is_a_line_of_the_summary_where_it_is_known(self):
        assert "  correct digits, guaranteed  15.9\n  digits the data support     12.2\n" in as_text(normal())
        assert "data support" not in as_text(normal(data_digits=None))


class TestStreams:
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def test_a_pipe_gets_plain_text(self):
        stream = io.StringIO()

        print_solution(normal(), stream)

        assert stream.getvalue() == as_text(normal())

    def test_a_pipe_without_unicode_gets_ascii(self):
        buffer = io.BytesIO()
        stream = io.TextIOWrapper(buffer, encoding="ascii")

        print_solution(normal(), stream)
        stream.flush()

        assert buffer.getvalue().decode() == as_text(normal(), "ascii")

    def test_a_terminal_gets_rules(self, monkeypatch):
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("FORCE_COLOR", raising=False)
        monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
        stream = self.Terminal()

        print_solution(normal(), stream)

        assert "───" in stream.getvalue()

    def test_a_pipe_needs_no_rich(self):
        code = """
import sys, numpy
from lsq_cli.report.tables import print_solution
from lsq_cli.core.solution import Outcome, Solution
x = numpy.ones(1)
print_solution(Solution("normal", Outcome.CONVERGED, (), 1, 1, 1, 1, ("a",), ("b",), x, 0.0, 0.0, 0.0), sys.stdout)
sys.exit("rich" in sys.modules)
"""
        done = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", code], capture_output=True, text=True, encoding="utf-8", check=True
        )

        assert done.stdout.endswith("\nb ≈ 1·a\n")


class TestDescent:
    def test_shows_the_gradient_beside_what_it_is_compared_with(self):
        shown = as_text(descended(gradient_goal=44600.123, gradient_norm=44578.0))

        assert "‖∇f‖                        44578, to be at most ‖Aᵀb‖·tol = 44600.1\n" in shown

    def test_says_which_row_x_is_where_it_is_not_the_last(self):
        shown = as_text(descended(outcome=Outcome.DIVERGED, best_iteration=1))

        assert "\nx is that of row k = 1, where f is least; the run ended at k = 5.\n" in shown
        assert "≈" not in shown
        assert "where ‖∇f‖ is least" in as_text(descended(outcome=Outcome.STAGNATED, best_iteration=1))
        assert "x is that of row" not in as_text(descended(best_iteration=5))

    def test_formula_and_last_row_have_the_digits_of_the_solution(self):
        shown = as_text(descended())

        assert "y ≈ 2.05 + 3.97·x" in shown
        assert next(line for line in shown.splitlines() if line.startswith("  5")).split()[-2:] == ["2.05", "3.97"]
        assert "(intercept)  2.05" in shown

    def test_draws_how_the_gradient_fell(self):
        page = Page()
        shown = plain_text(sections(descended(), page, [100.0, 1.0, 10.0, 1e-5]))

        assert "\nlog ‖∇f‖  █▆▇▁  k = 0 … 5\n" in shown
        assert page.fall([1.0, 1.0]) == page.fall([]) == page.fall([math.inf, 2.0]) == ""
        assert page.fall([10.0, 0.0, 1.0]) == "█▁▁"
        assert Page("ascii").fall([1.0, 2.0]) == ""
