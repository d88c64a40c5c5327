"""The image of the job without a container engine: a root of Debian 13, its two scripts, and its command."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from support import deployed
from support.deployed import TOOLS, CannotRunError
from support.repo import ROOT

USER = "10001"
#: What `COPY` brings into the image.
SOURCES = ("constraints", "pipelines", "transforms", "trueserve")
FILES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")
# How this machine reaches its package index is no part of the image.
_OF_THIS_MACHINE = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
# A mount that nobody else sees, until the process ends. $1 is the root; $2 is shown in it, at the same path.
_ENTER = """
set -eu
root=$1; shown=$2; shift 2
mount --bind "$root" "$root"
mount --bind /proc "$root/proc"; mount --rbind /dev "$root/dev"; mount -t tmpfs tmpfs "$root/tmp"
if [ -n "$shown" ]; then
  mkdir -p "$root$shown"; mount --bind "$shown" "$root$shown"
  mount -t tmpfs -o uid=10001,gid=10001 tmpfs "$root/home/trueserve"
  mount -o remount,ro,bind "$root"
fi
exec chroot "$root" "$@"
"""


def built() -> Path:
    """A root with the image's files in it. It is made anew where the checkout is another one."""
    if os.geteuid() != 0:
        raise CannotRunError("it needs root, for chroot and its mounts")
    root = TOOLS / "image"
    if not (root / "usr" / "bin" / "apt-get").exists():
        _bootstrap(root)
    for folder in ("src", "deploy", "opt/trueserve"):
        shutil.rmtree(root / folder, ignore_errors=True)
    for name in SOURCES:
        shutil.copytree(ROOT / name, root / "src" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, root / "src" / name)
    shutil.copytree(ROOT / "deploy" / "docker", root / "deploy")
    for command in (["/deploy/system.sh"], ["/deploy/install.sh", "/src"]):
        _reach_the_index(root)
        done = _enter(root, "", ["env", "-i", *_environment("/root"), "sh", *command])
        if done.returncode:
            raise CannotRunError(f"{command[0]} failed: {(done.stdout + done.stderr)[-1000:]}")
    return root


def run(root: Path, folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """The command as in a pod: without root and capabilities, on a root to read; `folder` is a volume."""
    deployed.run(["chown", "-R", f"{USER}:{USER}", str(folder)])
    rights = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"]
    environment = ["env", "-i", *_environment("/home/trueserve"), "PYTHONDONTWRITEBYTECODE=1"]
    return _enter(root, str(folder), [*rights, "--bounding-set=-all", *environment, "trueserve", *arguments])


def _environment(home: str) -> list[str]:
    path = "/opt/trueserve/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return [f"PATH={path}", f"HOME={home}", "DEBIAN_FRONTEND=noninteractive"]


def _bootstrap(root: Path) -> None:
    if shutil.which("debootstrap") is None:
        raise CannotRunError("it needs debootstrap")
    listed = deployed.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"]).stdout.split()
    mirrors = [url for url in listed if "security" not in url and "updates" not in url]
    if not mirrors:
        raise CannotRunError("it needs a Debian mirror in apt's sources")
    root.mkdir(parents=True, exist_ok=True)
    done = deployed.run(["debootstrap", "--variant=minbase", "trixie", str(root), mirrors[0]])
    if done.returncode:
        raise CannotRunError(f"debootstrap failed: {done.stdout[-500:]}")


def _reach_the_index(root: Path) -> None:
    for name in _OF_THIS_MACHINE:
        if Path(name).exists():
            (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, root / name[1:])


def _enter(root: Path, shown: str, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    unshare = ["unshare", "--mount", "--propagation", "private"]
    return deployed.run([*unshare, "sh", "-c", _ENTER, "sh", str(root), shown, *command])
