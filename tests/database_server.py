"""PostgreSQL and MariaDB for tests: Debian's programs, with data folders, ports and processes of our own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from tests.ports import free_port

PASSWORD = "tops3cret"


class DatabaseServer(ABC):
    """A server with one database, `studies`, and one user who may log in from this machine with `PASSWORD`."""

    user: ClassVar[str]
    """Whom the server runs as where the tests run as root, which such servers refuse."""
    stops: ClassVar[signal.Signals]
    crashes: ClassVar[signal.Signals]

    def __init__(self, folder: Path) -> None:
        """folder: empty, and its parents may be entered by every user."""
        self.folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            shutil.chown(folder, self.user)
        self._prepare()

    @classmethod
    @abstractmethod
    def missing(cls) -> str:
        """What is missing to start such a server; empty if nothing is."""

    @abstractmethod
    def _prepare(self) -> None:
        """Write the data folder."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The server in the foreground."""

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(self._as_user(*self._command()), stdout=log, stderr=log, cwd=self.folder)
        end = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "server.log").read_text()
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in order, if it runs, without waiting for its clients."""
        self._end(self.stops)

    def crash(self) -> None:
        """End it at once."""
        self._end(self.crashes)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(timeout=60)

    def _answers(self) -> bool:
        with socket.socket() as knock:
            return knock.connect_ex(("127.0.0.1", self.port)) == 0

    def _run(self, *words: str, text: str | None = None) -> None:
        done = subprocess.run(
            self._as_user(*words), input=text, capture_output=True, text=True, cwd=self.folder, check=False
        )
        assert done.returncode == 0, done.stderr

    def _as_user(self, *words: str) -> list[str]:
        if os.geteuid() != 0:
            return [*words]
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", *words]


class PostgreSQL(DatabaseServer):
    """Its owner is `ann`; the password is checked by SCRAM, and there is no socket beside the port."""

    user, stops, crashes = "postgres", signal.SIGINT, signal.SIGQUIT

    @classmethod
    def missing(cls) -> str:
        return "" if _postgres_program("initdb") else "PostgreSQL is not installed (Debian's package postgresql)"

    def address(self, password: str = PASSWORD, scheme: str = "postgresql") -> str:
        return f"{scheme}://ann:{password}@127.0.0.1:{self.port}/studies"

    def _prepare(self) -> None:
        secret = self.folder / "secret"
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(secret, self.user)
        self._run(
            _postgres_program("initdb"), "--pgdata", "data", "--username=ann", "--pwfile=secret", "--encoding=UTF8",
            "--locale=C", "--auth=scram-sha-256", "--no-sync",
        )  # fmt: skip
        secret.unlink()
        single = [_postgres_program("postgres"), "--single", "-D", "data", "postgres"]
        self._run(*single, text="create database studies;\n")

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "off",  # only a crash of the machine would notice
            "shared_buffers": "16MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [_postgres_program("postgres"), "-D", "data", *options]

    def _answers(self) -> bool:
        ready = [_postgres_program("pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={self.port}"]
        return subprocess.run(ready, check=False).returncode == 0  # not while it only recovers


class MariaDB(DatabaseServer):
    """Its user `ann` may do everything in the database `studies`."""

    user, stops, crashes = "mysql", signal.SIGTERM, signal.SIGKILL

    @classmethod
    def missing(cls) -> str:
        programs = (_system_program("mariadbd"), _system_program("mariadb-install-db"))
        return "" if all(programs) else "MariaDB is not installed (Debian's package mariadb-server)"

    def address(self, password: str = PASSWORD, scheme: str = "mysql") -> str:
        return f"{scheme}://ann:{password}@127.0.0.1:{self.port}/studies"

    def _prepare(self) -> None:
        self._run(
            _system_program("mariadb-install-db"), "--no-defaults", f"--datadir={self.folder}/data",
            "--auth-root-authentication-method=normal", "--skip-test-db",
        )  # fmt: skip
        statements = (
            "create database studies",
            f"create user ann@'127.0.0.1' identified by '{PASSWORD}'",
            "grant all on studies.* to ann@'127.0.0.1'",
        )
        self._run(
            _system_program("mariadbd"), "--no-defaults", f"--datadir={self.folder}/data", "--bootstrap",
            text="use mysql;\nflush privileges;\n" + "".join(f"{each};\n" for each in statements),
        )  # fmt: skip

    def _command(self) -> list[str]:
        return [
            _system_program("mariadbd"), "--no-defaults", f"--datadir={self.folder}/data",
            f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid",
            "--bind-address=127.0.0.1", f"--port={self.port}", "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=2",
        ]  # fmt: skip


def _postgres_program(name: str) -> str:
    """Debian keeps the programs of each version in a folder of their own; the newest counts."""
    known = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    return str(known[-1]) if known else shutil.which(name) or ""


def _system_program(name: str) -> str:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or ""
