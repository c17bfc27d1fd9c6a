"""Test-only: what a container engine does, with this machine as the image of every container.

A container is a process with mounts of its own: this machine's files as a root file system that it may not change,
the pod's volumes where the pod wants them, and the pod's user without any privilege. It shares processes and network
with the machine. Needs root and overlay mounts.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGE = {
    "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
}
"""Environment of the image: the project's own Python comes first; pods share the machine's few cores."""


@dataclass(frozen=True)
class Mount:
    """``source`` of this machine appears at ``target``; no source: memory of its own."""

    target: str
    source: Path | None
    read_only: bool = False


@dataclass(frozen=True)
class Container:
    """What to run, with which environment, files, user and hosts; ``read_only``: the root file system."""

    command: list[str]
    environment: dict[str, str]
    mounts: list[Mount]
    user: int
    group: int
    read_only: bool
    hosts: dict[str, str]


def start(container: Container, folder: Path) -> subprocess.Popen[bytes]:
    """Start it; ``folder`` is an empty one for its root. Its process leads its group; output and errors are one."""
    script = "\n".join([*_root(folder, container), *_mounts(folder, container), _enter(folder, container)])
    return subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-euc", script],
        env=IMAGE | container.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def why_not() -> str:
    """Why containers cannot be had here; empty where they can."""
    if os.geteuid() != 0:
        return "containers of the tests need root"
    script = 'd=$(mktemp -d); mount -t tmpfs none "$d"; mkdir "$d/u" "$d/w" "$d/r"; '
    script += 'mount -t overlay overlay -o "lowerdir=/,upperdir=$d/u,workdir=$d/w" "$d/r"'
    found = subprocess.run(["unshare", "--mount", "sh", "-euc", script], capture_output=True, text=True, check=False)
    return f"no overlay mounts here: {found.stderr.strip()}" if found.returncode else ""


def _root(folder: Path, container: Container) -> list[str]:
    """A root file system over this machine's; what is written goes to memory, and with the container."""
    box, root = shlex.quote(str(folder)), shlex.quote(str(folder / "root"))
    readable = [Path(sys.executable), Path(sys.executable).resolve(), Path(__file__)]
    parents = {parent for path in readable for parent in path.parents if parent != Path("/")}
    return [
        f"mount -t tmpfs none {box}",
        f"mkdir {box}/upper {box}/work {box}/root",
        f"mount -t overlay overlay -o lowerdir=/,upperdir={box}/upper,workdir={box}/work {root}",
        # an image's files are everybody's to read; those of a user of this machine may not be
        *[f"chmod o+rx {root}{shlex.quote(str(parent))}" for parent in sorted(parents)],
        *[f"echo {address} {name} >>{root}/etc/hosts" for name, address in container.hosts.items()],
        f"mount --rbind /proc {root}/proc",
        f"mount --rbind /dev {root}/dev",
        # an overlay must not see its lower files change, and these are edited
        f"mount --bind {shlex.quote(str(REPOSITORY))} {root}{shlex.quote(str(REPOSITORY))}",
        f"mount -o remount,bind,ro {root}{shlex.quote(str(REPOSITORY))}",
    ]


def _mounts(folder: Path, container: Container) -> list[str]:
    lines: list[str] = []
    for mount in sorted(container.mounts, key=lambda one: one.target):
        # links are followed here: from outside the root an absolute one would lead out of it
        target = shlex.quote(f"{folder}/root{os.path.realpath(mount.target)}")
        if mount.source is None:
            lines += [f"mkdir -p {target}", f"mount -t tmpfs -o mode=1777 none {target}"]
            continue
        source = shlex.quote(str(mount.source))
        below = target if mount.source.is_dir() else f'"$(dirname {target})"'
        lines += [f"mkdir -p {below}", f"[ -e {target} ] || touch {target}", f"mount --bind {source} {target}"]
        if mount.read_only:
            lines.append(f"mount -o remount,bind,ro {target}")
    return lines


def _enter(folder: Path, container: Container) -> str:
    root = shlex.quote(str(folder / "root"))
    seal = f"mount -o remount,ro {root}\n" if container.read_only else ""
    who = f"--reuid {container.user} --regid {container.group} --clear-groups"
    command = shlex.join(container.command)
    return f"{seal}exec chroot {root} setpriv {who} --no-new-privs --bounding-set=-all --inh-caps=-all {command}"
