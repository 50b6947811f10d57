"""The command line: `agentdeck VERB …`.

Rules:
- A verb returns its exit status; the meanings are in `core.errors` and `docs/cli.md`.
- Every error is one message on stderr: what, where, what was expected, the next step. A traceback
  goes into a crash log and never to the terminal.
- What is slow to import is imported by the verb that needs it.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from agentdeck import __version__

# New objects between two looks for garbage. A large plan is a million objects that all stay: with
# Python's own 700, half of the time of a long `check` went into looking at them again.
GC_THRESHOLD: Final = 100_000
EXIT_CRASH: Final = 70  # EX_SOFTWARE of sysexits: a fault of agentdeck itself
EXIT_PIPE: Final = 141  # what a shell says of a program whose reader went away


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line; the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    gc.set_threshold(GC_THRESHOLD, 50, 1000)
    if words == ["--version"]:  # answered without building the whole command line
        print(f"agentdeck {__version__}")
        return 0
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # in a terminal of few letters show what it can
            stream.reconfigure(errors="replace")
    return _carry_out(words)


def _carry_out(words: list[str]) -> int:
    if words and words[0] == "attach":
        from agentdeck.cli.room import attach_here, is_plain_attach

        if is_plain_attach(words):
            return answered(lambda: attach_here(words))
    if words[:2] == ["completions", "values"]:  # a shell waits for it, with a person in front
        from agentdeck.cli.completion_values import print_values

        return print_values(words[2:])
    return answered(lambda: _parsed(words))


def _parsed(words: Sequence[str]) -> object:
    """Let typer have the line, with its alias spelled out."""
    from agentdeck.cli.line import command_line, is_known

    if not is_known(words):
        from agentdeck.cli.config import with_alias

        words = with_alias(words)
    app = command_line(words)
    return app(args=list(words), prog_name="agentdeck", standalone_mode=False)


def answered(verb: Callable[[], object]) -> int:
    """Carry out a verb, and tell what is wrong as the rules above say; the exit status."""
    from agentdeck.cli.output import print_error
    from agentdeck.core.errors import EXIT_OK, DeckError

    try:
        code = verb()
        sys.stdout.flush()
    except DeckError as error:
        print_error(error.message, error.hint, alone=error.stands_alone)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        # The reader has seen enough. Python would complain about the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PIPE
    except Exception as error:  # noqa: BLE001 - the last place where a fault can be told kindly
        import typer  # the plainest lines come this far without it

        if isinstance(error, typer.Abort):
            return _interrupted()
        # Typer brings its own copy of click's errors, or uses click's: this is their common base.
        click_error = typer.BadParameter.__mro__[2]
        return _usage(error) if isinstance(error, click_error) else _crashed(error)
    return code if isinstance(code, int) else EXIT_OK


def _interrupted() -> int:
    from agentdeck.cli.output import print_error
    from agentdeck.core.errors import EXIT_INTERRUPTED

    print_error("interrupted")
    return EXIT_INTERRUPTED


def _usage(error: Exception) -> int:
    from agentdeck.cli.output import print_error
    from agentdeck.core.errors import EXIT_USAGE

    words = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    if context is not None and (not words or words.startswith("Usage:")):
        # Nothing was asked, so the help is the message. With rich it was printed when it was made.
        print(words, end="\n" if words else "", file=sys.stderr)
        return EXIT_USAGE
    verb = context.command_path if context is not None else "agentdeck"
    print_error(words, f"`{verb} --help` shows what it takes")
    return EXIT_USAGE


def _crashed(error: Exception) -> int:
    from agentdeck.cli.crash import write_crash_log
    from agentdeck.cli.output import print_error

    where = write_crash_log(error)
    kept = f"{where} has the rest; please report it" if where else "the crash log was not written"
    print_error(f"agentdeck itself failed: {type(error).__name__}: {error}", kept)
    return EXIT_CRASH


__all__ = ["answered", "main"]
