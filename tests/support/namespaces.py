"""Machines of their own on one: network namespaces on a bridge, which share no folder that can be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from support.dask_cluster import Host

_NETWORK = "10.77.0"
_BRIDGE = "bridge"
_INSIDE = "TRUESERVE_TEST_INSIDE"
# The only folder that can be written there, and nobody else sees it.
PRIVATE = "/dev/shm"
_OWN_FOLDERS = f"""
while read -r _ folder kind _; do
  case $kind in proc|sysfs|devpts|mqueue|cgroup*) ;; *) mount -o bind,remount,ro "$folder" || exit 1 ;; esac
done < /proc/self/mounts
mount -t tmpfs tmpfs {PRIVATE} && export TMPDIR={PRIVATE} && exec "$@"
"""
_OWN_NETWORK = ("unshare", "--net", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child")
_SEES_ONLY_OWN = "mount -t tmpfs tmpfs /run && mount -t proc proc /proc && ip link set lo up"


def lacking() -> str | None:
    """What this machine lacks for namespaces; None if nothing."""
    if sys.platform != "linux" or os.getuid() != 0:
        return "it needs Linux and root, for network namespaces and mounts"
    if missing := [program for program in ("ip", "unshare", "mount") if not shutil.which(program)]:
        return f"it needs the program {missing[0]}"
    probe = f"{_SEES_ONLY_OWN} && ip link add {_BRIDGE} type bridge && ip netns add probe"
    done = _run([*_OWN_NETWORK, "sh", "-c", probe])
    return f"this machine forbids namespaces: {' '.join(done.stderr.split())}" if done.returncode else None


def is_inside() -> bool:
    """Whether this process is one that `enter` has started."""
    return _INSIDE in os.environ


def enter(argv: Sequence[str]) -> int:
    """Runs this program again where namespaces can be made and end with it; gives its exit code."""
    script = f'{_SEES_ONLY_OWN} && exec "$@"'
    command = [*_OWN_NETWORK, "sh", "-c", script, "--", sys.executable, *argv]
    return subprocess.run(command, env={**os.environ, _INSIDE: "1"}, check=False).returncode


def make_bridge() -> Host:
    """Makes the network that the machines will be in; gives this process's own place in it."""
    _do("ip", "link", "add", _BRIDGE, "type", "bridge")
    _do("ip", "address", "add", f"{_NETWORK}.1/24", "dev", _BRIDGE)
    _do("ip", "link", "set", _BRIDGE, "up")
    return Host(f"{_NETWORK}.1")


def make_host(name: str, number: int) -> Host:
    """Makes a machine: an address of its own, and folders of its own for what it writes."""
    _do("ip", "netns", "add", name)
    _do("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
    _do("ip", "link", "set", f"to-{name}", "master", _BRIDGE, "up")
    address = f"{_NETWORK}.{number}"
    for change in (f"address add {address}/24 dev eth0", "link set eth0 up", "link set lo up"):
        _do("ip", "-netns", name, *change.split())
    own = ("unshare", "--mount", "--propagation=private", "sh", "-c", _OWN_FOLDERS, "--")
    return Host(address, ("ip", "netns", "exec", name, *own))


def _do(*command: str) -> None:
    done = _run(command)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
