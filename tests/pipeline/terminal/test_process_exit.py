"""How a command ends its process: its exit code and the text that it prints."""

from __future__ import annotations

import io
import logging
import os

import click
import pytest

from pipeline import errors, node_ids
from pipeline.terminal import process_exit
from pipeline.terminal.logs import Screen


class Exited(BaseException):
    """Is raised instead of ending this process."""


@pytest.fixture
def exit_code(monkeypatch):
    """Returns a function: command -> exit code that the process would have."""

    def raise_exited(code: int) -> None:
        raise Exited(code)

    monkeypatch.setattr(os, "_exit", raise_exited)
    monkeypatch.setattr(logging, "shutdown", lambda: None)  # this process continues

    def run(command) -> int:
        with pytest.raises(Exited) as exited:
            process_exit.run_and_exit(command)
        return exited.value.args[0]

    return run


def raising(error: BaseException, screen: Screen | None = None):
    """A command that raises an error, perhaps after it has redirected standard error."""

    def command() -> None:
        if screen:
            process_exit.print_errors_on(screen)
        raise error

    return command


@pytest.mark.parametrize(("returned", "code"), [(0, 0), (1, 1), (3, 3), (99, 99), (None, 0), ("text", 0)])
def test_the_exit_code_is_the_return_value_of_the_command(exit_code, capsys, returned, code):
    assert exit_code(lambda: returned) == code
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (errors.UsageError("No such model."), 2, "No such model.\n"),
        (errors.InputError("No such file."), 2, "No such file.\n"),
        (errors.InUseError("Another run."), 2, "Another run.\n"),
        (errors.PipelineError("Something."), 1, "Something.\n"),
        (errors.NodeFailedError(node_ids.TRAINER, "OOM"), 1, "OOM\n"),
        (errors.InterruptedRunError("Stopped by Ctrl-C."), 130, "Stopped by Ctrl-C.\n"),
        (errors.TerminatedRunError("Stopped by SIGTERM."), 143, "Stopped by SIGTERM.\n"),
        (click.exceptions.Abort(), 130, ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_error_is_printed_in_one_paragraph_and_has_its_exit_code(exit_code, capsys, error, code, text):
    assert exit_code(raising(error)) == code
    assert capsys.readouterr().err == text


def test_wrong_usage_is_printed_as_click_prints_it(exit_code, capsys):
    assert exit_code(raising(click.UsageError("No such option: --datset"))) == 2
    assert capsys.readouterr().err == "Error: No such option: --datset\n"


def test_a_bug_is_named_on_the_screen_and_its_traceback_goes_to_the_log(exit_code, capsys):
    screen = Screen(io.StringIO(), io.StringIO())
    assert exit_code(raising(KeyError("fare"), screen)) == 1
    assert screen.err.getvalue() == ("This should not have happened: KeyError: 'fare'. The log has the traceback.\n")
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_a_bug_before_there_is_a_log_shows_its_traceback(exit_code, capsys):
    assert exit_code(raising(ValueError("No such fare."))) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback (most recent call last)")
    assert shown.endswith("\nThis should not have happened: ValueError: No such fare. The traceback is above.\n")


def test_an_error_goes_to_the_screen_while_standard_error_is_the_log(exit_code, capsys):
    screen = Screen(io.StringIO(), io.StringIO())
    assert exit_code(raising(errors.UsageError("No such model."), screen)) == 2
    assert (screen.err.getvalue(), capsys.readouterr().err) == ("No such model.\n", "")


def test_debug_prints_the_traceback_of_an_error_too(exit_code, capsys, monkeypatch):
    monkeypatch.setenv(errors.DEBUG, "1")
    assert exit_code(raising(errors.UsageError("No such model."))) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("Traceback (most recent call last)") and printed.endswith("\nNo such model.\n")
