"""Formulas: what they mean, and that nothing in one is ever run."""

from __future__ import annotations

import pytest

from lsq_cli.core.errors import UsageError
from lsq_cli.terms.factors import Table
from lsq_cli.terms.formula import looks_like_formula, parse, plain_formula

KINDS = {
    **dict.fromkeys(("y", "a", "b", "c", "odd name", "Solar.R", "class"), "number"),
    "g": "text",
    "h": "text",
    "flag": "true/false",
    "day": "date",
    "nothing": "empty",
}
TABLE = Table(KINDS)


def _terms(text, table=TABLE):
    formula = parse(text, table)
    return ["1"] * formula.intercept + [":".join(factor.name for factor in term) for term in formula.terms]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("y ~ a + b", ["1", "a", "b"]),
        ("y ~ 1", ["1"]),
        ("y ~ a - 1", ["a"]),
        ("y ~ 0 + a", ["a"]),
        ("y ~ a:b + c", ["1", "c", "a:b"]),
        ("y ~ a*b", ["1", "a", "b", "a:b"]),
        ("y ~ a/g", ["1", "a", "a:g"]),
        ("y ~ (a + b + g)**2", ["1", "a", "b", "g", "a:b", "a:g", "b:g"]),
        ("y ~ (a + b)**2 - a:b", ["1", "a", "b"]),
        ("y ~ a + a + I(a)", ["1", "a"]),
        ("y ~ b:a + a:b", ["1", "b:a"]),
        ("y ~ . - a - day", ["1", "b", "c", "Q('odd name')", "Q('Solar.R')", "Q('class')", "g", "h", "flag"]),
        ("log(y) ~ log10(a) + I(a**2+b)", ["1", "log10(a)", "I(a ** 2 + b)"]),
        ("y ~ poly(a,3,raw=True)", ["1", "poly(a, 3, raw=True)"]),
        ("y ~ C(a) + C(g, base='x') + g", ["1", "C(a)", "C(g, base='x')", "g"]),
        ("y ~ Q('odd name') + `odd name` + Solar.R", ["1", "Q('odd name')", "Solar.R"]),
        ("y ~ exp(-a/2)", ["1", "exp(-a / 2)"]),
        ("y ~ day:flag", ["1", "day:flag"]),
    ],
)
def test_terms_are_those_of_r_in_its_order(text, terms):
    assert _terms(text) == terms


def test_the_rest_leaves_out_the_targets_what_is_dropped_and_what_is_empty():
    formula = parse("cbind(y, log(a)) ~ .", Table(KINDS, apart=frozenset(("g", "h", "day", "flag", "class"))))

    assert [target.name for target in formula.targets] == ["y", "log(a)"]
    assert [term[0].columns() for term in formula.terms] == [("b",), ("c",), ("odd name",), ("Solar.R",)]
    assert formula.columns() == ("b", "c", "odd name", "Solar.R", "y", "a")


def test_a_plain_model_says_what_formula_it_is():
    formula = plain_formula(["y"], ["a", "odd name", "g"], TABLE, intercept=False)

    assert formula.text == "y ~ 0 + a + Q('odd name') + g"
    assert parse(formula.text, TABLE) == formula


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("y", "has nothing on its left: write 'y ~ a + b'"),
        ("~ a", "has nothing on its left"),
        ("y ~", "the formula 'y ~': a column is missing at its end"),
        ("y ~ * a", "the formula 'y ~ * a': '*' stands where a column belongs"),
        ("y ~ (a) b", "the formula 'y ~ (a) b': 'b' stands where a sign such as + belongs"),
        ("y ~ (a", "the formula 'y ~ (a': a bracket is not closed"),
        ("y ~ log(a", "the formula 'y ~ log(a': a bracket is not closed"),
        ("y ~ 'a", """the formula "y ~ 'a": a quote is open, or a sign means nothing"""),
        ("y ~ \\*a +( b", "the formula"),
        ("y ~ 0", "has no term; 'y ~ 1' would fit the mean"),
        ("y ~ aa", "the formula names 'aa', and there is no such column; did you mean 'a'?"),
        ("y ~ Q('od name')", "did you mean 'odd name'?"),
        ("y ~ nothing", "the column 'nothing' is empty in the first 1000 rows"),
        ("y ~ a + y", "y stands on both sides of the formula; it cannot explain itself"),
        ("y + a ~ b", "not 'y + a'; arithmetic goes into I(), several targets into cbind(a, b)"),
        ("cbind() ~ a", "cbind() takes the targets: cbind(a, b)"),
        ("g ~ a", "'g' is text, and a target needs numbers"),
        ("y ~ log(g)", "'g' in log(g) is text, and a term needs numbers; as a category it is C(g)"),
        ("y ~ (a | g)", "(… | g) stands for random effects, which lsq does not fit; | g without brackets, at the end"),
        ("y ~ a | g + k", "| g + k: one column is absorbed, exactly; put the one with fewer levels among the terms"),
        ("y ~ a | g | k", "| g | k: one column is absorbed, exactly; put the one with fewer levels among the terms"),
        ("y ~ a | g:k", "| g:k: one column is absorbed, exactly"),
        ("y ~ a |", "behind | in a formula stands the column whose levels have an intercept each: y ~ a | g"),
        ("y ~ a | nn", "the formula names 'nn', and there is no such column"),
        ("y ~ a | log(k)", "| log(k): behind | stands one column of the table"),
        ('y ~ a | C(g, base="x")', "an absorbed column has no base; write | C(column)"),
        ("y ~ 1 | g", "the formula 'y ~ 1 | g' has no slope; y ~ C(g) has the means of the levels"),
        ("y ~ a | y", "y stands on both sides of the formula; it cannot explain itself"),
        ("y ~ 2*a", "2 in a formula is no term; multiples of a column go into I()"),
        ("y ~ a^2", "powers are written with **, as in I(a**2) and (a + b)**2"),
        ("y ~ (a + b)^2", "the formula 'y ~ (a + b)^2': powers are written with **, as in I(a**2) and (a + b)**2"),
        ("y ~ factor(a)", "factor(a): a category is written C(column), as in C(year)"),
        ("odd name ~ a", '; columns, Q("odd name"), C(), I(), poly(), log'),
        ("y ~ a + as.factor(g)", "a category is written C(column), as in C(year)"),
        ("y ~ I(a**0.5)", "a power is a whole number from 1 to 24; roots are sqrt()"),
        ("y ~ a**b", "the power b of a formula is a whole number up to 10"),
        ("y ~ a**99", "the power 99 of a formula is a whole number up to 10"),
        ("y ~ poly(a, 3)", "R's orthogonal polynomials are not made; with raw=True the columns are plain powers"),
        ("y ~ poly(a, 30, raw=True)", "a degree from 1 to 24 is summed exactly"),
        ("y ~ poly(a)", "write poly(a, 3, raw=True), which is a, a**2 and a**3"),
        ("y ~ I(a**9*b**20)", "is summed exactly, which takes 29 doubles; 24 are the most"),
        ("y ~ C(log(a))", 'write C(column), or C(column, base="level")'),
        ("y ~ C(g, base=b)", "base is one level, a text in quotes or a number"),
        ("y ~ Q(a)", 'Q() takes a name in quotes: Q("odd name")'),
        ("y ~ I(1)", "I(1) has no column in it"),
        ("y ~ np.log(a)", "np.log(a): attributes are not read in a formula; write log(…)"),
        ("y ~ a.b", 'a name with a dot is written Q("a.b")'),
        ("y ~ logg(a)", "logg() is no function of a formula; did you mean 'log'"),
        ("y ~ a\x1b", "the formula has the sign '\\x1b', which is not printable"),
    ],
)
def test_what_is_no_formula_for_this_table(text, error):
    with pytest.raises(UsageError) as caught:
        parse(text, TABLE)

    assert error in str(caught.value)


def test_a_name_that_stands_twice_is_refused():
    with pytest.raises(UsageError, match="'a' is the name of several columns"):
        parse("y ~ a", Table(KINDS, repeated=frozenset("a")))
    with pytest.raises(UsageError, match=r"'\.' means the column 'a' too, of which there are several"):
        parse("y ~ .", Table(KINDS, repeated=frozenset("a")))


HOSTILE = [
    "y ~ __import__('os').system('touch hacked')",
    "y ~ a.__class__.__bases__",
    "y ~ a | __import__('os').system('touch hacked')",
    "y ~ a" + "|" * 3000,
    "y ~ a | (" + "(" * 30 + "g",
    "y ~ (lambda: a)()",
    "y ~ [a for a in (1,)]",
    "y ~ a if b else c",
    "y ~ I(9**9**9**9)",
    "y ~ I(a**99999999999)",
    "y ~ f'{a}'",
    "y ~ a[0]",
    "y ~ (a := b)",
    "y ~ {a: b}",
    "y ~ await a",
    "y ~ I(*a)",
    "y ~ C(**a)",
    "y ~ I(1e999*a)",
    "y ~ I(1j*a)",
    "y ~ " + "(" * 3000 + "a" + ")" * 3000,
    "y ~ " + "-" * 3000 + "a",
    "y ~ " + ":".join(["a"] * 4000) + "x",
    "y ~ I(" + "+".join(["a"] * 3000) + ")",
    "y ~ " + "+".join(f"I(a+{i})" for i in range(1000000)),
    "y ~ " + "*".join(f"I(a + {i})" for i in range(16)),
    "y ~ (" + "+".join(f"I(a + {i})" for i in range(200)) + ")**10",
    "y ~ " + "/".join(f"I(a + {i})" for i in range(400)) + "+ x",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_formula_is_one_line(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        parse(text, TABLE)

    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("argument", "is_one"), [("y ~ a", True), ("y~a", True), ("~ a", True), ("~/data.csv", False), ("a.csv", False)]
)
def test_an_argument_with_a_tilde_is_a_formula(argument, is_one):
    assert looks_like_formula(argument) is is_one
