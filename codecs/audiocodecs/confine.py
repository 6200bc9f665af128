"""Run as a program: set limits on this process, then become another program, which inherits them.

`python -I -S confine.py SECONDS BYTES_OF_MEMORY BYTES_OF_A_FILE PROCESSES -- PROGRAM ARGUMENT...`

Limits are set here and not between fork and exec of the worker, whose threads make that unsafe. As the first process of
a namespace it stays and waits: signals whose default is to end it do not reach a first process. Standard library only.
"""

import os
import resource
import sys


def main(arguments: list[str]) -> None:
    """Set the limits and start the program in this process's place."""
    if os.getpid() == 1 and (child := os.fork()):
        while True:
            ended, status = os.wait()
            if ended == child:
                code = os.waitstatus_to_exitcode(status)
                sys.exit(code if code >= 0 else 128 - code)
    seconds, memory, size, processes = map(int, arguments[:4])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))  # a signal that says why, then the end
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, size),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, allowed))
    command = arguments[5:]
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
