"""Reverse proxies in front of Digest, each set up by the lines of docs/howto/production.md."""

import re
import shutil
import socket
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from signal import Signals
from typing import ClassVar

from tests.servers.process import ServerProcess, free_port
from tests.servers.run import Run
from tests.servers.unavailable import unavailable

GUIDE = Path(__file__).parents[2] / "docs" / "howto" / "production.md"
DIGEST = "http://127.0.0.1:8000"
PATHS = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/bin"
MODULES = "/usr/lib/apache2/modules"


class Proxy(ServerProcess):
    """Passes `/newsletters` on to Digest, and nothing else.

    `takes_away`: Digest is asked without the path, as far as this proxy can do that.
    """

    name: ClassVar[str]
    package: ClassVar[str]
    program: ClassVar[str]

    def __init__(self, run: Run, *, takes_away: bool) -> None:
        program = shutil.which(self.program, path=PATHS)
        if program is None:
            unavailable(self.name, f"install it (on Debian: apt install {self.package})")
        self._program: str = program
        self.takes_away = takes_away
        super().__init__(run, run.server_directory(self.program))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/newsletters"
        self.settings = self.directory / "settings"

    def lead_to(self, backend: str) -> None:
        """Write the settings; to be called before the start. `backend` is like http://host:port."""
        written = self.guide()
        if self.takes_away:
            changed = self.taking_away(written)
            assert changed != written
            written = changed
        assert DIGEST.removeprefix("http://") in written
        written = written.replace(DIGEST, backend)
        written = written.replace(DIGEST.removeprefix("http://"), backend.removeprefix("http://"))
        self.settings.write_text(self.around(written))

    def guide(self) -> str:
        """Return the lines of the guide."""
        section = GUIDE.read_text().partition("### Under a path of another site")[2]
        found = re.search(rf"\*\*{self.name}\*\*.*?```\w+\n(.*?)```", section, re.DOTALL)
        assert found is not None
        return found[1]

    @abstractmethod
    def taking_away(self, settings: str) -> str:
        """Return the settings with which Digest is asked without the path."""

    @abstractmethod
    def around(self, settings: str) -> str:
        """Return all that this proxy needs beside, for one site on loopback."""

    def is_ready(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


class Nginx(Proxy):
    name = package = program = "nginx"

    def taking_away(self, settings: str) -> str:
        # The location by a regular expression cannot.
        return settings.replace(f"{DIGEST};", f"{DIGEST}/;", 1)

    def around(self, settings: str) -> str:
        folders = "".join(
            f"{kind}_temp_path {self.directory}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        return (
            # One process: whoever ends it ends all of it.
            f"daemon off;\nmaster_process off;\npid {self.directory}/nginx.pid;\n"
            f"error_log {self.log};\nevents {{}}\n"
            f"http {{\naccess_log {self.directory}/access.log;\n{folders}"
            f"server {{\nlisten 127.0.0.1:{self.port};\n{settings}}}\n}}\n"
        )

    def command(self) -> Sequence[str | Path]:
        return [self._program, "-e", self.log, "-c", self.settings]


class Caddy(Proxy):
    name = "Caddy"
    package = program = "caddy"

    def taking_away(self, settings: str) -> str:
        return settings.replace("handle @digest {", "handle_path /newsletters/* {")

    def around(self, settings: str) -> str:
        # Debian 12's.
        settings = settings.replace("request_buffers 1MB", "buffer_requests")
        return f"{{\nadmin off\nauto_https off\n}}\nhttp://127.0.0.1:{self.port} {{\n{settings}}}\n"

    def command(self) -> Sequence[str | Path]:
        # It wants a home, for certificates that it never gets here.
        home = ("/usr/bin/env", f"HOME={self.directory}")
        return [*home, self._program, "run", "--adapter", "caddyfile", "--config", self.settings]


class Apache(Proxy):
    name = "Apache httpd"
    package, program = "apache2-bin", "apache2"
    # Its children end with it then.
    discard_signal = Signals.SIGTERM

    def taking_away(self, settings: str) -> str:
        return settings.replace(f"{DIGEST}/newsletters ", f"{DIGEST} ")

    def around(self, settings: str) -> str:
        modules = "".join(
            f"LoadModule {name}_module {MODULES}/mod_{name}.so\n"
            for name in (
                *("mpm_event", "authz_core", "setenvif", "reqtimeout"),
                *("proxy", "proxy_http"),
            )
        )
        return (
            f"ServerRoot {self.directory}\nDefaultRuntimeDir {self.directory}\n"
            f"PidFile apache.pid\nServerName 127.0.0.1\n"
            f"Listen 127.0.0.1:{self.port}\nErrorLog {self.log}\n{modules}"
            f'LogFormat "%h %t \\"%r\\" %>s %b" combined\n'
            f"Define APACHE_LOG_DIR {self.directory}\n"
            f"<VirtualHost *:{self.port}>\n{settings}"
            "</VirtualHost>\n"
        )

    def command(self) -> Sequence[str | Path]:
        # One process, as root too.
        return [self._program, "-X", "-f", self.settings]


PROXIES: tuple[type[Proxy], ...] = (Nginx, Caddy, Apache)
