"""A small HTTPS server that answers as Keystone, Glance and Horizon do, as far as probes ask; and fails on demand.

It has a certificate of a CA of its own. `trouble` says what becomes of the next requests of a kind.
"""

import datetime
import ipaddress
import json
import re
import socket
import ssl
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PAGE = 5
"""Items of a list."""
PASSWORD = "the administrator's"


def issue(folder: Path) -> tuple[Path, Path]:
    """A CA, and a certificate with its key for 127.0.0.1."""
    now = datetime.datetime.now(datetime.UTC)

    def sign(name: str, key: Any, by: str, with_key: Any, *more: x509.ExtensionType) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
        )
        for extension in more:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(with_key, hashes.SHA256())

    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = sign("ca", ca_key, "ca", ca_key, x509.BasicConstraints(ca=True, path_length=None))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))])
    leaf = sign("front", key, "ca", ca_key, address)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "front.pem").write_bytes(
        leaf.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "ca.pem", folder / "front.pem"


@dataclass
class Cloud:
    """What the server holds, and how it behaves."""

    domains: dict[str, str] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    groups: list[tuple[str, str]] = field(default_factory=list)
    """Domain and name."""
    traits: set[str] = field(default_factory=set)
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)
    """By the beginning of `METHOD /path`: a status, or `hang`, `drop` (not done), `drop-after` (done)."""
    tokens: set[str] = field(default_factory=set)
    sessions: dict[str, str] = field(default_factory=dict)
    """Of the dashboard: who is logged in, by cookie."""
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


Answer = tuple[int, Any]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloud: Cloud

    def log_message(self, *_: object) -> None:
        pass

    def _handle(self) -> None:
        self._headers: list[tuple[str, str]] = []
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        trouble = next(
            (t for start, t in self.cloud.trouble.items() if f"{self.command} {self.path}".startswith(start)), ""
        )
        if trouble == "hang":
            self.cloud.released.wait(30)
        if trouble in ("hang", "drop"):
            return self._drop()
        if trouble.isdigit():
            return self._answer(int(trouble), {"error": "as was asked for"})
        with self.cloud.lock:
            answer = self._route(body)
        if trouble == "drop-after":
            return self._drop()
        return self._answer(*answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815  (http.server looks for these names)

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, status: int, content: Any) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        if self.path == "/v3/auth/tokens" and status == 201:
            self.send_header("X-Subject-Token", content["id"])
        for name, value in self._headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(0 if status == 204 else len(data)))
        self.end_headers()
        if status != 204:
            self.wfile.write(data)

    def _route(self, body: bytes) -> Answer:
        cloud, path = self.cloud, self.path
        if path in ("/auth/login/", "/identity/"):
            return self._dashboard(body)
        if path == "/v3/auth/tokens":
            given = json.loads(body)["auth"]["identity"]["password"]["user"]["password"]
            if given != PASSWORD:
                return 401, {}
            token = uuid.uuid4().hex
            cloud.tokens.add(token)
            return 201, {"id": token}
        if self.headers.get("X-Auth-Token") not in cloud.tokens:
            return 401, {}
        routes: list[tuple[str, Callable[[re.Match[str], bytes], Answer]]] = [
            (r"POST /v3/domains", self._make_domain),
            (r"PATCH /v3/domains/(.+)", self._disable_domain),
            (r"DELETE /v3/domains/(.+)", self._delete_domain),
            (r"POST /v3/groups", self._make_group),
            (r"GET /v3/groups\?domain_id=([^&]+)(?:&from=(\d+))?", self._list_groups),
            (r"PUT /traits/(.+)", self._make_trait),
            (r"GET /traits\?name=startswith:(.+)", self._list_traits),
            (r"DELETE /traits/(.+)", self._delete_trait),
            (r"POST /v2/images", self._make_image),
            (r"PUT /v2/images/(.+)/file", self._upload),
            (r"GET /v2/images/(.+)/file", self._download),
            (r"GET /v2/images\?tag=([^&]+)&limit=500(?:&marker=(\d+))?", self._list_images),
            (r"DELETE /v2/images/(.+)", self._delete_image),
        ]
        for pattern, does in routes:
            if found := re.fullmatch(pattern, f"{self.command} {path}"):
                return does(found, body)
        return 404, {}

    def _dashboard(self, body: bytes) -> Answer:
        """As Django does it: a form with a token against forgery, a session in a cookie, and pages that want one."""
        cookies = SimpleCookie(self.headers.get("Cookie", ""))
        if self.path == "/identity/":
            if "sessionid" in cookies and cookies["sessionid"].value in self.cloud.sessions:
                return 200, b"<html>"
            self._headers.append(("Location", "/auth/login/?next=/identity/"))
            return 302, b""
        form = {name: value[0] for name, value in parse_qs(body.decode()).items()}
        forged = "csrftoken" not in cookies or form.get("csrfmiddlewaretoken") != cookies["csrftoken"].value
        if self.command == "GET":
            self._headers.append(("Set-Cookie", f"csrftoken={uuid.uuid4().hex}; Path=/; Secure"))
        elif forged or not self.headers.get("Referer", "").endswith("/auth/login/"):
            return 403, {}
        elif form["password"] == PASSWORD:
            session = uuid.uuid4().hex
            self.cloud.sessions[session] = form["username"]
            self._headers += [("Set-Cookie", f"sessionid={session}; Path=/; HttpOnly; Secure"), ("Location", "/")]
            return 302, b""
        return 200, b"<form>"

    def _make_domain(self, _: re.Match[str], body: bytes) -> Answer:
        id_ = uuid.uuid4().hex
        self.cloud.domains[id_] = json.loads(body)["domain"]["name"]
        return 201, {"domain": {"id": id_}}

    def _disable_domain(self, found: re.Match[str], body: bytes) -> Answer:
        self.cloud.disabled.add(found[1])
        return 200, {"domain": {"id": found[1]}}

    def _delete_domain(self, found: re.Match[str], _: bytes) -> Answer:
        if found[1] not in self.cloud.disabled:
            return 403, {}
        del self.cloud.domains[found[1]]
        self.cloud.groups = [group for group in self.cloud.groups if group[0] != found[1]]
        return 204, {}

    def _make_group(self, _: re.Match[str], body: bytes) -> Answer:
        group = json.loads(body)["group"]
        if (group["domain_id"], group["name"]) in self.cloud.groups:
            return 409, {}
        self.cloud.groups.append((group["domain_id"], group["name"]))
        return 201, {"group": group}

    def _list_groups(self, found: re.Match[str], _: bytes) -> Answer:
        """A few a page, with a URL to the next one, as Keystone does it."""
        names = [name for domain, name in self.cloud.groups if domain == found[1]]
        start = int(found[2] or 0)
        port = self.connection.getsockname()[1]
        url = f"https://127.0.0.1:{port}/v3/groups?domain_id={found[1]}&from={start + PAGE}"
        following = url if start + PAGE < len(names) else None
        return 200, {"groups": [{"name": name} for name in names[start : start + PAGE]], "links": {"next": following}}

    def _make_trait(self, found: re.Match[str], _: bytes) -> Answer:
        known = found[1] in self.cloud.traits
        self.cloud.traits.add(found[1])
        return (204 if known else 201), b""

    def _list_traits(self, found: re.Match[str], _: bytes) -> Answer:
        return 200, {"traits": [name for name in self.cloud.traits if name.startswith(found[1])]}

    def _delete_trait(self, found: re.Match[str], _: bytes) -> Answer:
        self.cloud.traits.remove(found[1])
        return 204, b""

    def _make_image(self, _: re.Match[str], body: bytes) -> Answer:
        id_ = uuid.uuid4().hex
        self.cloud.images[id_] = {**json.loads(body), "id": id_, "status": "queued"}
        return 201, {"id": id_}

    def _upload(self, found: re.Match[str], body: bytes) -> Answer:
        self.cloud.data[found[1]] = body
        self.cloud.images[found[1]]["status"] = "active"
        return 204, b""

    def _download(self, found: re.Match[str], _: bytes) -> Answer:
        if found[1] not in self.cloud.data:
            return 404, {}
        return 200, self.cloud.data[found[1]]

    def _list_images(self, found: re.Match[str], _: bytes) -> Answer:
        """A few a page, with a path to the next one, as Glance does it."""
        images = [image for image in self.cloud.images.values() if found[1] in image["tags"]]
        start = int(found[2] or 0)
        path = f"/v2/images?tag={found[1]}&limit=500&marker={start + PAGE}"
        return 200, {"images": images[start : start + PAGE], **({"next": path} if start + PAGE < len(images) else {})}

    def _delete_image(self, found: re.Match[str], _: bytes) -> Answer:
        del self.cloud.images[found[1]]
        self.cloud.data.pop(found[1], None)
        return 204, b""


class Server:
    """The server, on a port of its own; it can go and come back."""

    def __init__(self, certificate: Path) -> None:
        self.cloud = Cloud()
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate)
        self._handler = type("OwnHandler", (Handler,), {"cloud": self.cloud})
        self.port = 0
        self.start()

    def start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler, bind_and_activate=False)
        self._server.allow_reuse_address = self._server.daemon_threads = True
        self._server.request_queue_size = 128
        self._server.server_bind()
        self._server.server_activate()
        self._server.socket = self._context.wrap_socket(
            self._server.socket,
            server_side=True,
            do_handshake_on_connect=False,  # in the connection's own thread
        )
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.cloud.released.set()
        self._server.shutdown()
        self._server.server_close()
        self.cloud.released.clear()
