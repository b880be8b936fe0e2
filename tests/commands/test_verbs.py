"""What stands for a verb: the near one is named, and `lsq` alone explains itself."""

from __future__ import annotations

import click
import pytest

from lsq_cli.commands import VERBS, lsq


@pytest.mark.parametrize(("typed", "meant"), [("slove", "solve"), ("SOLVE", "solve"), ("generte", "generate")])
def test_a_typing_mistake_in_a_verb_names_the_near_one(typed, meant, run_lsq):
    result = run_lsq(typed, "data.csv")

    assert (result.code, result.raw) == (2, b"")
    assert f"no command '{typed}'; did you mean {meant}?" in result.err


def test_a_file_in_the_place_of_the_verb_is_told_from_a_mistake(run_lsq, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("x,y\n1,2\n")
    result = run_lsq("data.csv", "--intercept")

    assert result.code == 2
    assert "no command 'data.csv'; it is a file: lsq solve data.csv" in result.err


def test_a_word_that_is_near_to_nothing_gets_the_list(run_lsq):
    result = run_lsq("\x1b[31mabracadabra")

    assert result.code == 2
    assert "no command '\\x1b[31mabracadabra'; there are solve, " in result.err


@pytest.mark.parametrize(("typed", "meant"), [("--learnin-rate", "--learning-rate"), ("--intercpt", "--intercept")])
def test_a_typing_mistake_in_an_option_names_the_near_one(typed, meant, run_lsq):
    result = run_lsq("solve", typed, "1", "data.csv")

    assert result.code == 2
    assert meant in result.err


def test_alone_it_shows_the_help(run_lsq):
    shown = run_lsq()

    assert "Example:" in shown.err + shown.out
    assert all(verb in shown.err + shown.out for verb in VERBS)


@pytest.mark.parametrize("verb", [[], ["solve"], ["gradient"], ["compare"], ["generate"], ["selftest"]])
def test_every_command_tells_its_version(verb, run_lsq):
    from lsq_cli.core.version import __version__

    assert run_lsq(*verb, "--version").out == f"lsq {__version__}\n"


def test_the_list_of_verbs_says_the_first_line_of_each_help():
    context = click.Context(lsq)

    assert {verb: lsq.get_command(context, verb).get_short_help_str(100) for verb in VERBS} == VERBS
