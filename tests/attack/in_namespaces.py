# SPDX-License-Identifier: Apache-2.0
"""Runs a program as a container does that has user, mount and pid namespaces of its own: it is process
1 there, and its user INSIDE is the user OUTSIDE of this machine. All other users of the namespace are
those of this machine from FIRST on. Needs root.

usage: in_namespaces.py INSIDE OUTSIDE FIRST PROGRAM [WORD...]
"""
import ctypes
import os
import signal
import sys

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def unshare(what):
    if libc.unshare(what) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def exits_as(pid):
    _, status = os.waitpid(pid, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def main():
    inside, outside, first = map(int, sys.argv[1:4])
    (made, tell_made), (mapped, tell_mapped) = os.pipe(), os.pipe()
    child = os.fork()
    if child != 0:
        os.close(tell_made)
        if os.read(made, 1) == b"+":
            for kind in ("uid", "gid"):
                with open(f"/proc/{child}/{kind}_map", "w", encoding="ascii") as file:
                    file.write(f"0 {first} {inside}\n{inside} {outside} 1\n")
            os.write(tell_mapped, b"+")
        exits_as(child)
    unshare(CLONE_NEWUSER)
    os.write(tell_made, b"+")
    os.read(mapped, 1)
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # which another user forgets
    unshare(CLONE_NEWNS | CLONE_NEWPID)
    grandchild = os.fork()
    if grandchild != 0:
        exits_as(grandchild)
    os.setgroups([])
    os.setresgid(inside, inside, inside)
    os.setresuid(inside, inside, inside)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.execv(sys.argv[4], sys.argv[4:])


if __name__ == "__main__":
    main()
