"""Ends the process of a command: prints an error as one paragraph, and exits with the code that scripts depend on."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

import click

from pipeline import errors
from pipeline.terminal.logs import Screen

_screens: list[Screen] = []  # errors of the command go to the last one; empty while standard error is not redirected


def run_and_exit(command: Callable[[], object]) -> NoReturn:
    """Runs a command and ends the process with its exit code.

    A PipelineError or StoppedError becomes one paragraph on the screen. Other exceptions are bugs: the screen names them, and
    the log has the traceback, or the screen if no log is open.

    Args:
        command: returns the exit code. Any other value than an integer means OK. It calls `print_errors_on` when it redirects
            standard error.
    """
    _screens.clear()
    try:
        code = command()
    except click.ClickException as error:
        error.show()
        code = errors.USAGE
    except click.exceptions.Abort:
        code = errors.INTERRUPTED
    except errors.StoppedError as stopped:
        _print_error(str(stopped))
        code = stopped.exit_code
    except errors.PipelineError as error:
        if os.environ.get(errors.DEBUG):
            traceback.print_exc()
        _print_error(str(error))
        code = error.exit_code
    except Exception as error:  # a bug
        traceback.print_exc()
        where = "The log has the traceback." if _screens else "The traceback is above."
        message = f"{type(error).__name__}: {error}".removesuffix(".")
        _print_error(f"This should not have happened: {message}. {where}")
        code = errors.NODE_FAILED
    _exit(code if isinstance(code, int) else errors.OK)


def print_errors_on(screen: Screen) -> None:
    """Sends error messages to `screen`, because standard error is now redirected to a log file."""
    _screens.append(screen)


def _print_error(text: str) -> None:
    print(text, file=_screens[-1].err if _screens else sys.stderr)


def _exit(code: int) -> NoReturn:
    """Ends the process at once. The normal exit of TensorFlow and Beam takes 2.6 s and prints errors."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
