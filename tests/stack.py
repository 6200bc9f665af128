"""The real thing in processes of its own: database, broker, worker, beat, web server; on free ports."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").exists() else []


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(ready: Callable[[], Any], seconds: float, what: str) -> Any:
    """What `ready` returns once that is true; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := ready():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {seconds:g} s")


def listens(port: int) -> bool:
    """Whether something takes connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def missing_servers() -> str:
    """Why Redis and Postgres can't be started here; "" if they can."""
    names = [
        name for name, there in (("redis-server", shutil.which("redis-server")), ("postgresql", POSTGRES)) if not there
    ]
    return f"not on this machine: {', '.join(names)} (apt-get install {' '.join(names)})" if names else ""


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    """A Redis and a Postgres of our own; gives the environment that names them."""
    with redis(folder / "redis") as redis_url, postgres(folder / "postgres") as database_url:
        yield {"REDIS_URL": redis_url, "DATABASE_URL": database_url}


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis server that keeps nothing."""
    folder.mkdir(parents=True)
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            wait_for(lambda: listens(port), 20, "Redis listening")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A Postgres server with an empty database; it refuses to run as root, so then it runs as `postgres`."""
    folder.mkdir(parents=True)
    data, port = folder / "data", free_port()
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        for parent in (folder, *folder.parents):
            if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
    bin_folder = POSTGRES[-1]
    initdb = [
        bin_folder / "initdb",
        "-D",
        data,
        "-U",
        "evalapp",
        "--auth=trust",
        "--no-sync",
        "-E",
        "UTF8",
        "--locale=C",
    ]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **user)
    options = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [bin_folder / "postgres", "-D", data, *options, "-c", "fsync=off"], stdout=log, stderr=log, cwd="/", **user
        )
        try:
            wait_for(lambda: listens(port), 30, "Postgres listening")
            yield f"postgres://evalapp@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)


class Stack:
    """One installation: its folder, its environment, its processes.

    Parameters
    ----------
    folder : Path
        For the database, the files and the logs.
    **environment
        On top of VAR_DIR: DATABASE_URL, REDIS_URL, limits.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        dropped = ("DATABASE_URL", "REDIS_URL", "MEDIA_ROOT", "DJANGO_SETTINGS_MODULE")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        self.environment = {
            **kept,
            "VAR_DIR": str(folder / "var"),
            "DJANGO_SETTINGS_MODULE": "evalapp.settings",
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self._children: list[subprocess.Popen[bytes]] = []
        self.manage("migrate", "--verbosity", "0")

    def manage(self, *arguments: str) -> str:
        """Run a management command; returns what it prints on stdout."""
        found = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True
        )
        assert found.returncode == 0, found.stderr
        return found.stdout

    def python(self, code: str) -> Any:
        """Run code inside the project; returns the JSON of its last printed line."""
        out = self.manage("shell", "--no-imports", "-c", code)
        return json.loads(out.strip().splitlines()[-1]) if out.strip() else None

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `python -m ...` as the leader of a process group."""
        log = (self.folder / f"{arguments[0]}-{len(self._children)}.log").open("wb")
        child = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._children.append(child)
        return child

    def start_worker(self) -> subprocess.Popen[bytes]:
        """A worker of two processes with the beat of its sweep inside."""
        return self.start("celery", "-A", "evalapp", "worker", "--concurrency", "2", "--beat", "--loglevel", "info")

    def start_web(self) -> str:
        """The web server; returns its address."""
        port = free_port()
        self.start("gunicorn", "evalapp.wsgi:application", "--bind", f"127.0.0.1:{port}", "--threads", "4")
        wait_for(lambda: listens(port), 60, "web server listening")
        return f"http://localhost:{port}"

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        """`kill -9` of a child's whole process group."""
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def stop(self) -> None:
        """End what is still running."""
        for child in self._children:
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
