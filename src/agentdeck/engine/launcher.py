"""Starts one agent and outlives the engine to say how it ended: `python -I -S launcher.py DIR`.

Rules:
- Only modules that are built into the interpreter or frozen: this is started for every attempt.
- Fd 0 is the claim on DIR. It was locked before this process began and stays locked while it lives,
  so two launchers never work in one directory. Fds 1 and 2 are raw.log, opened to append.
- DIR/pid is on disk before the agent may exec. If this process dies earlier, the child reads the
  end of the barrier pipe and never becomes an agent.
- DIR/exit appears whole or not at all.
- Signals meant for the agent do not end the launcher; SIGUSR1 says "no more input will come".
"""

# pathlib and contextlib would take longer to import than all the rest of this script.
# ruff: noqa: PTH104, PTH108, PTH123, SIM105

import os
import sys
import time

TYPE_CHECKING = False  # a type checker takes it for true; `typing` itself is too slow to import
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # `signal` would import enum: 5 ms

CANNOT_START = 127  # what a shell returns for a command it cannot find
EXIT_RETRIES = 60  # times, a second apart: on a full disk somebody frees the ballast meanwhile
PRIVATE = 0o600


def main() -> None:
    """Start what DIR/spec names, wait for its end, and write the status down."""
    os.chdir(sys.argv[1])
    with open("spec", "rb") as file:
        mode, niceness, cwd, variable, *argv = file.read().split(b"\0")[:-1]
    prepare_signals()
    stdin, writer = open_stdin(mode)
    barrier, release = os.pipe()
    agent = os.fork()
    if agent == 0:
        os.close(release)
        become_agent(barrier, stdin, int(niceness), cwd, variable, argv)
    os.close(barrier)
    os.close(stdin)
    try:
        os.setpgid(agent, agent)  # the child does it too: whoever reads DIR/pid finds the group
    except OSError:
        pass
    write_durably("pid", f"launcher {identity(os.getpid())}\nagent {identity(agent)}\n")
    try:
        os.write(release, b"g")
    except BrokenPipeError:
        pass  # somebody killed the child at the barrier; its status says so
    os.close(release)
    code = wait_for(agent, writer)
    record_exit(f"{code} {time.time():.3f}\n")


def prepare_signals() -> None:
    """Ignore what would end the launcher; keep SIGCHLD and SIGUSR1 for `wait_for`."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    awaited = (signal.SIGCHLD, signal.SIGUSR1)
    signal.pthread_sigmask(signal.SIG_SETMASK, awaited)
    for number in awaited:  # a signal without a handler may be dropped even while it is blocked
        signal.signal(number, lambda _number, _frame: None)


def open_stdin(mode: bytes) -> tuple[int, int]:
    """What the agent reads, and the write end that keeps its conversation open (or -1)."""
    if mode != b"fifo":
        return os.open("prompt.md" if mode == b"file" else "/dev/null", os.O_RDONLY), -1
    try:
        os.unlink("stdin")  # of a launch that ended before its agent began
    except FileNotFoundError:
        pass
    os.mkfifo("stdin", PRIVATE)
    both = os.open("stdin", os.O_RDWR)  # neither of the next two can block now
    reader = os.open("stdin", os.O_RDONLY)
    writer = os.open("stdin", os.O_WRONLY)  # no reader of ours: who writes learns if nobody reads
    os.close(both)
    return reader, writer


def become_agent(
    barrier: int, stdin: int, niceness: int, cwd: bytes, variable: bytes, argv: list[bytes]
) -> None:
    """In the child: wait for the release, then exec. Never returns."""
    doing = b"prepare"
    try:
        os.setpgid(0, 0)
        for number in range(1, signal.NSIG):
            try:
                signal.signal(number, signal.SIG_DFL)  # also what our parents ignored
            except (OSError, ValueError):
                pass  # SIGKILL, SIGSTOP and those of the C library
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if os.read(barrier, 1) != b"g":
            os._exit(CANNOT_START)
        os.dup2(stdin, 0)  # lets go of the claim: not before it is settled what becomes of us
        if niceness:
            os.nice(niceness)
        if variable:
            name, _, value = variable.partition(b"=")
            os.environb[name] = value
        doing = b"enter " + cwd
        os.chdir(cwd)
        doing = b"start " + argv[0]
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is what we want
    except OSError as fault:
        reason = os.strerror(fault.errno or 0).encode()
        os.write(2, b"agentdeck: cannot " + doing + b": " + reason + b"\n")
    finally:
        os._exit(CANNOT_START)


def identity(pid: int) -> str:
    """`pid start_ticks boot_id`; `-` where there is no /proc, and the reader asks psutil."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = file.read().rpartition(b")")[2].split()[19].decode()
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            return f"{pid} {ticks} {file.read().decode().strip()}"
    except OSError:
        return f"{pid} - -"


def wait_for(agent: int, writer: int) -> int:
    """The exit status of the agent, or minus the signal that ended it."""
    while True:
        ended, status = os.waitpid(agent, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        number = signal.sigwait((signal.SIGCHLD, signal.SIGUSR1))
        if number == signal.SIGUSR1 and writer >= 0:
            os.close(writer)  # the agent reads what is left, then the end
            writer = -1


def record_exit(line: str) -> None:
    """Write DIR/exit, waiting a while for space if the disk is full."""
    for left in range(EXIT_RETRIES, -1, -1):
        try:
            return write_durably("exit", line)
        except OSError:
            if not left:
                raise
            time.sleep(1)
    return None


def write_durably(name: str, text: str) -> None:
    """`text` is under `name` after this even if power fails; nobody sees half of it."""
    fd = os.open(name + ".tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    try:
        os.write(fd, text.encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(name + ".tmp", name)
    here = os.open(".", os.O_RDONLY)
    try:
        os.fsync(here)
    finally:
        os.close(here)


if __name__ == "__main__":
    main()
    os._exit(0)  # nothing is left to flush; a tidy end of the interpreter takes milliseconds
