"""Starts one agent and outlives the engine to say how it ended: `python -I -S launcher.py DIR`.

Rules:
- Only modules that are built into the interpreter or frozen: this is started for every attempt.
- Fd 0 is the claim on DIR. It was locked before this process began and stays locked while it lives,
  so two launchers never work in one directory. Fds 1 and 2 are raw.log, opened to append.
- DIR/pid is on disk before the agent may exec. If this process dies earlier, the child reads the
  end of the barrier pipe and never becomes an agent.
- DIR/exit appears whole or not at all, and not before all that the agent has started is gone. Where
  the kernel can (Linux), this process is the subreaper of its tree: whatever left its group, its
  session and its parents behind and cleared its environment becomes a child of this one in the end.
- raw.log has a bound, and this process keeps it: it is there when no engine is.
- Signals meant for the agent do not end the launcher; SIGUSR1 says "no more input will come".
"""

# pathlib and contextlib would take longer to import than all the rest of this script.
# ruff: noqa: PTH104, PTH108, PTH123, SIM105

import os
import sys
import time

try:
    import _ctypes  # `ctypes` itself would take 9 ms more
except ImportError:  # built without libffi
    _ctypes = None  # type: ignore[assignment]

TYPE_CHECKING = False  # a type checker takes it for true; `typing` itself is too slow to import
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # `signal` would import enum: 5 ms

CANNOT_START = 127  # what a shell returns for a command it cannot find
EXIT_RETRIES = 60  # times, a second apart: on a full disk somebody frees the ballast meanwhile
PRIVATE = 0o600
PR_SET_CHILD_SUBREAPER = 36  # of linux/prctl.h
LOOK_AT_LOG_S = 1.0  # between two looks at the size of raw.log; a fast disk takes 1 GiB meanwhile
LEFTOVERS_S = 10.0  # SIGKILL cannot be refused, but a hung disk can delay it
LEFTOVERS_PAUSE_S = 0.002  # the killed are gone within a millisecond


def main() -> None:
    """Start what DIR/spec names, wait for its end, and write the status down."""
    os.chdir(sys.argv[1])
    with open("spec", "rb") as file:
        mode, niceness, most, cwd, variable, *argv = file.read().split(b"\0")[:-1]
    prepare_signals()
    become_subreaper()
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
    code, why = wait_for(agent, writer, int(most))
    ended_at = time.time()
    end_leftovers()
    record_exit(f"{code} {ended_at:.3f}{why}\n")


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


def become_subreaper() -> None:
    """Have orphans of the tree become children of this process, where the kernel can do that."""
    try:
        prctl = _ctypes.dlsym(_ctypes.dlopen("", 0), "prctl")  # "": of this program
        _ctypes.call_function(prctl, (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
    except (AttributeError, OSError):
        pass  # no Linux: the engine looks for what is left


def wait_for(agent: int, writer: int, most: int) -> tuple[int, str]:
    """The exit status of the agent or minus the signal that ended it, and why we ended it."""
    why = ""
    while True:
        code = reap(agent)
        if code is not None:
            return code, why
        if not why and os.fstat(1).st_size > most:
            why = " output"
            os.kill(agent, signal.SIGKILL)  # what else writes here is ended next
            say("ended, because it has printed more than a log may hold")
        if await_signal() == signal.SIGUSR1 and writer >= 0:
            os.close(writer)  # the agent reads what is left, then the end
            writer = -1


def say(what: str) -> None:
    """A line of our own at the end of raw.log, where the disk has room for it."""
    try:
        os.write(2, f"\nagentdeck: {what}\n".encode())
    except OSError:
        pass


def await_signal() -> int:
    """SIGCHLD or SIGUSR1, or 0 when it is time to look at the log."""
    awaited = (signal.SIGCHLD, signal.SIGUSR1)
    if not hasattr(signal, "sigtimedwait"):  # macOS
        return signal.sigwait(awaited)
    found = signal.sigtimedwait(awaited, LOOK_AT_LOG_S)
    return found.si_signo if found is not None else 0


def reap(agent: int) -> int | None:
    """Take the status of every child that has ended; the agent's, if it is among them."""
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == agent:
            return os.waitstatus_to_exitcode(status)
        if not ended:
            return None


def end_leftovers() -> None:
    """End all that the agent has started and that outlives it.

    The children of who is killed become our own, so none is left when there is no child any more.
    Nobody else takes their status, so no pid of theirs can belong to somebody else.
    """
    deadline = time.monotonic() + LEFTOVERS_S
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        for pid in children():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass  # it became another user
        time.sleep(LEFTOVERS_PAUSE_S)


def children() -> list[int]:
    """The pids of our children, from /proc: only a subreaper has any left."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []  # a kernel without CONFIG_PROC_CHILDREN: the engine looks for what is left


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
