"""How a command ends its process: every error of ours as one paragraph, and the exit code that scripts depend on."""

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

_screen: list[Screen] = []  # the real standard error, once it has been redirected


def run_and_exit(command: Callable[[], object]) -> NoReturn:
    """Runs a command and ends the process. Every error of ours is one paragraph on stderr, and an exit code.

    Args:
        command: returns its exit code; anything but a number is OK.
    """
    try:
        code = command()
    except click.ClickException as error:
        error.show()
        code = errors.USAGE
    except click.exceptions.Abort:
        code = errors.INTERRUPTED
    except errors.StoppedError as stopped:
        _say(str(stopped))
        code = stopped.exit_code
    except errors.PipelineError as error:
        if os.environ.get(errors.DEBUG):
            traceback.print_exc()
        _say(str(error))
        code = error.exit_code
    except Exception as error:  # a mistake of ours: what happened goes to the screen, the traceback to the log
        traceback.print_exc()
        _say(f"This should not have happened: {type(error).__name__}: {error}. The log has the traceback (see --debug).")
        code = errors.NODE_FAILED
    _leave(code if isinstance(code, int) else errors.OK)


def say_on(screen: Screen) -> None:
    """Has error messages written to `screen`, because standard error now goes to a log file."""
    _screen.append(screen)


def _say(text: str) -> None:
    print(text, file=_screen[0].err if _screen else sys.stderr)


def _leave(code: int) -> NoReturn:
    """Ends the process at once: TensorFlow's and Beam's own way out takes 2.6 s and prints errors of its own."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
