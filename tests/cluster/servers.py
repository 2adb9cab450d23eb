"""Real servers of files for tests, XRootD and nginx: on loopback, as nobody, in a folder that is removed at the end."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

# A server ends with the tests, however they end.
LEAVE_NOTHING = ["setpriv", "--pdeathsig", "KILL"]
NOBODY = [*LEAVE_NOTHING, "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
PORT_INSIDE = 1094
CLONE_NEWNET = 0x40000000
READY_WITHIN_S = 15

XROOTD = """
all.export {files}
all.adminpath {folder}/admin
all.pidpath {folder}/admin
xrd.port {port}
xrd.allow host 127.0.0.1
"""
NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {files};
    location /forbidden/ {{ return 403; }}
    location /trouble/ {{ return 503; }}
    location /slow/ {{ alias {files}/; limit_rate 60k; }}
  }}
}}
"""


def free_port() -> int:
    """A port of loopback on which nothing listens now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Server(ABC):
    """A program that serves the files of `files`; it can be killed, made silent and started again on the same port."""

    program = ""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nanoloom-server-"))
        self.files = self.folder / "files"
        self.files.mkdir()
        for path in (self.folder, self.files):
            path.chmod(0o777)
        self.port = free_port()
        self._process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Start, and wait until it answers."""
        with (self.folder / "output.log").open("ab") as output:
            # A session of its own: when that of the tests loses its terminal, the kernel wakes what is stopped in it.
            self._process = subprocess.Popen(
                self.command(), stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.program} does not start: {self.log()}")
            time.sleep(0.02)

    def kill(self) -> None:
        """As `kill -9` does."""
        self._process.kill()
        self._process.wait()

    def silence(self) -> None:
        """Take connections, and answer nothing from now on."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again."""
        self._process.send_signal(signal.SIGCONT)

    def add(self, source, name=None) -> str:
        """Serve a copy of the file *source*; its URL."""
        target = self.files / (name or Path(source).name)
        shutil.copyfile(source, target)
        target.chmod(0o644)
        return self.url(target.name)

    def log(self) -> str:
        """The end of all that it has written."""
        texts = [path.read_text(errors="replace") for path in self.folder.rglob("*log") if path.is_file()]
        return "\n".join(texts)[-2000:]

    @abstractmethod
    def command(self) -> list[str]:
        """What is run."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it takes a connection."""

    @abstractmethod
    def url(self, name: str) -> str:
        """The address of a file."""


class Nginx(Server):
    """nginx, which answers requests for ranges of bytes."""

    program = "nginx"

    def command(self):
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, files=self.files, port=self.port))
        user = NOBODY if os.geteuid() == 0 else LEAVE_NOTHING
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        return [*user, program, "-e", str(self.folder / "error.log"), "-c", str(config)]

    def answers(self):
        return reaches(("127.0.0.1", self.port))

    def url(self, name):
        return f"http://127.0.0.1:{self.port}/{name}"


class XRootD(Server):
    """An XRootD server, which binds every address: so it has a network of its own, and a wire from loopback leads there."""

    program = "xrootd"

    def __init__(self):
        super().__init__()
        self.wire = None

    def start(self):
        super().start()
        if self.wire is None:
            self.wire = Wire(self.port, self.dial)

    def kill(self):
        super().kill()
        if self.wire is not None:
            self.wire.close()
            self.wire = None

    def command(self):
        (self.folder / "admin").mkdir(exist_ok=True)
        (self.folder / "admin").chmod(0o777)
        config = self.folder / "xrootd.cfg"
        config.write_text(XROOTD.format(folder=self.folder, files=self.files, port=PORT_INSIDE))
        inner = [*NOBODY, "xrootd", "-c", str(config), "-l", f"{self.folder}/xrootd.log"]
        return ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *inner]

    def answers(self):
        try:
            self.dial().close()
        except OSError:
            return False
        return True

    def dial(self) -> socket.socket:
        """A connection to the server inside its own network."""
        found = []

        def enter_and_connect() -> None:
            with Path(f"/proc/{self._process.pid}/ns/net").open() as network:  # of this thread only
                if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), CLONE_NEWNET) != 0:
                    return
            connection = socket.socket()
            if connection.connect_ex(("127.0.0.1", PORT_INSIDE)) == 0:
                found.append(connection)
            else:
                connection.close()

        if self._process.poll() is None:
            thread = threading.Thread(target=enter_and_connect)
            thread.start()
            thread.join()
        if not found:
            raise ConnectionRefusedError("the server takes no connection")
        return found[0]

    def url(self, name):
        return f"root://127.0.0.1:{self.port}/{self.files / name}"


class Wire:
    """Passes bytes on between connections to a port of loopback and those that *dial* makes.

    Each piece of 64 KiB waits for *delay_s* seconds: a slow line.
    """

    def __init__(self, port: int, dial) -> None:
        self._dial = dial
        self.delay_s = 0.0
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Take no connection any more, and cut those that there are."""
        for end in [self._listener, *self._ends]:
            hang_up(end)

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = self._dial()
            except OSError:
                near.close()
                continue
            self._ends += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        """Pass bytes on until one end hangs up; then the other one does."""
        with suppress(OSError):
            while data := source.recv(1 << 16):
                time.sleep(self.delay_s)
                target.sendall(data)
        hang_up(target)


def hang_up(end: socket.socket) -> None:
    """Wake up whoever waits at this end, and close it."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def reaches(address: tuple[str, int]) -> bool:
    """Whether a connection can be made."""
    with socket.socket() as connection:
        return connection.connect_ex(address) == 0


def why_not(server: type[Server]) -> str:
    """Why *server* cannot run here; empty if it can."""
    if shutil.which(server.program) is None and not Path("/usr/sbin", server.program).exists():
        return f"{server.program} is not installed: apt-get install xrootd-server nginx-light"
    if server is XRootD and subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode != 0:
        return "a network of its own for xrootd needs root: unshare --net is not permitted"
    return ""
