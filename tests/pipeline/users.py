# SPDX-License-Identifier: Apache-2.0
"""Other users, for tests that root runs: a runtime directory of a group, and who is in it."""
import os
import shutil

import harness

# Of this process alone: tests run beside each other, and the kernel counts limits by user.
GROUP = 30000 + os.getpid() % 1800 * 16
WRITER, MEMBER, NEIGHBOUR, STRANGER = range(GROUP + 1, GROUP + 5)


def as_user(uid, group=GROUP, *others):
    """The words in front of a command that this user runs, with this group and these others."""
    more = f"--groups={','.join(map(str, others))}" if others else "--clear-groups"
    return ("setpriv", f"--reuid={uid}", f"--regid={group}", more)


def needs_users(pipe):
    if os.geteuid() != 0:
        raise harness.Skip("only root can become other users")
    if shutil.which("setpriv") is None:
        raise harness.Skip("there is no setpriv")
    os.chmod(pipe.shm, 0o755)
    # Below a directory that those users may not enter nothing of ours can be run.
    if pipe.start("otlpipe", "--help", prefix=as_user(MEMBER)).wait(None) != 0:
        raise harness.Skip("other users cannot run what is in the build directory")


def make_group(pipe):
    """A runtime directory of several users, and an output directory of the writer's."""
    needs_users(pipe)
    os.chown(pipe.runtime, WRITER, GROUP)
    pipe.runtime.chmod(0o3770)
    pipe.output = pipe.shm / "data"
    pipe.output.mkdir(mode=0o750)
    os.chown(pipe.output, WRITER, GROUP)
