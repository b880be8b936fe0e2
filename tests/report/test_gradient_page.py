"""The page of `lsq gradient`: the derivation in formulas, with the values."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from lsq_cli import gradient
from lsq_cli.report.gradient import print_gradient, sections
from lsq_cli.report.layout import plain_text, print_ruled
from lsq_cli.report.page import Page

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"
MARKET = (SAMPLES / "A.csv", SAMPLES / "b.csv")


@pytest.mark.parametrize(
    ("loss", "formula"),
    [("half", "= Aᵀ(Ax − b) "), ("sum", "= 2Aᵀ(Ax − b) "), ("mean", "= (2/m)Aᵀ(Ax − b) ")],
)
def test_the_page_tells_the_chain_rule_with_the_values(loss, formula, run_lsq):
    out = run_lsq("gradient", *MARKET, "--at", "1,2,0.5", "--objective", loss).out

    assert formula in out
    assert "h(x) = Ax − b " in out
    assert "the Jacobian: a row" in out
    assert "the gradient: its transpose, a column" in out
    assert "4·3.53 + 6·0.02 + 0·5.5 + …" in out


def test_the_page_writes_weights_where_they_belong(run_lsq):
    out = run_lsq("gradient", "-t", "y", "--weights", "w", stdin="x,y,w\n1,2,3\n2,5,1\n").out

    assert "(Ax − b)ᵀWA" in out
    assert "AᵀWAx − AᵀWb" in out
    assert "= 3·1·(-2) + 1·2·(-5) = -16" in out


def test_the_page_of_one_column_alone_speaks_of_a_and_l(run_lsq):
    out = run_lsq("gradient", "--at", "1,2", stdin="3\n5\n").out

    assert "∂L/∂a = g'(h(a))·h'(a) = −2(b − a)ᵀ" in out
    assert "∂L/∂a1 = −2·(3 − 1) = -4" in out
    assert "One step: a − β∇L" in out


def test_the_page_of_several_targets_shows_matrices_row_by_row(run_lsq):
    out = run_lsq("gradient", "-t", "y,z", stdin="u,v,y,z\n1,2,3,4\n5,6,7,8\n").out

    assert "the Jacobian: a row a target" in out
    assert "2 × 2  ((-38, -48), (-44, -56))" in out
    assert "2 × 2  ((-38, -44), (-48, -56))" in out
    assert "∂f/∂u = 1·(-3) + 5·(-7) = -38" in out


def test_long_vectors_are_elided_and_json_has_them_whole(run_lsq):
    table = "\n".join(map(str, range(100)))
    out = run_lsq("gradient", stdin=table).out

    assert "(0, 1, 2, …, 99)ᵀ" in out
    assert "left out: 70 of 100 rows, --format json has all" in out
    assert "… 96 more" in out
    assert len(out.splitlines()) < 80
    assert len(run_lsq("gradient", "-f", "json", stdin=table).json["gradient"]) == 100


def test_the_page_can_be_printed_in_ascii_and_on_a_terminal():
    result = gradient(*MARKET, mine=[1, 2, 3])
    plain = plain_text(sections(result, Page("ascii")))
    console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)
    print_ruled(sections(result, Page(console.encoding, console.width)), console)

    assert plain.isascii()
    assert "grad f(x) = (df/dx)^T = A^T(Ax - b)" in plain
    assert "AᵀAx − Aᵀb" in console.file.getvalue()

    stream = io.StringIO()
    print_gradient(result, stream)

    assert "Chain rule: f = g∘h" in stream.getvalue()
