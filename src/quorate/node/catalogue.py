"""Registers services, endpoints and accounts through Identity's own API: JSON request on stdin, JSON answer on stdout.

Runs on a node where Identity runs, and speaks with that instance over the loopback. What is there already is left as
it is, what differs is changed, and nothing is ever removed: so it may be cut short anywhere, and run again.

Request:
    url: where the API is, `http://127.0.0.1:5000/v3`
    patience: seconds to wait until it answers
    password: that of the user `admin`
    region
    services: each with type, name, description and url
    accounts: each with name, password and roles, to be had in the project `service`
Answer: done, a list of lines; or error, a sentence. A password is in neither.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
import urllib.parse

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself is never loaded on a node
    from collections.abc import Mapping
    from typing import Any

INTERFACES = ("public", "internal", "admin")
DOMAIN, PROJECT = "default", "service"
TIMEOUT = 30.0  # of one request


class Failed(Exception):
    """It can't be done; the text says why."""


class Identity:
    """The API, as `admin`."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self.root = parts.path
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
        self.token = ""

    def log_in(self, password: str, patience: float) -> None:
        """Takes a token, as soon as the service answers at all."""
        user = {"name": "admin", "domain": {"id": DOMAIN}, "password": password}
        scope = {"project": {"name": "admin", "domain": {"id": DOMAIN}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        deadline = time.monotonic() + patience
        while True:
            try:
                status, headers, _ = self.ask("POST", "/auth/tokens", body)
                why = f"it answers with HTTP status {status}"
            except (OSError, http.client.HTTPException) as error:
                status, why = 0, str(error) or type(error).__name__
            if status == http.client.CREATED:
                self.token = headers["X-Subject-Token"]
                return
            if status == http.client.UNAUTHORIZED:
                raise Failed("Identity refuses the password of its user admin")
            if time.monotonic() > deadline:
                raise Failed(f"Identity gives no token: {why}")
            time.sleep(0.5)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, http.client.HTTPMessage, Any]:
        """One request: status, headers and the JSON of the answer."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token:
            headers["X-Auth-Token"] = self.token
        content = None if body is None else json.dumps(body)
        try:
            self.connection.request(method, self.root + path, content, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        finally:
            self.connection.close()  # uWSGI ends a connection with its answer, and doesn't say so
        return answer.status, answer.headers, json.loads(text) if text.startswith(b"{") else None

    def get(self, path: str) -> Any:
        """A resource or a list."""
        return self.change("GET", path)

    def change(self, method: str, path: str, body: object = None) -> Any:
        """A request that must succeed."""
        status, _, answer = self.ask(method, path, body)
        if status >= http.client.MULTIPLE_CHOICES:
            why = answer.get("error", {}).get("message", "") if answer else ""
            raise Failed(f"{method} {path}: HTTP status {status} {why}".strip())
        return answer


def main() -> None:
    """Reads the request, does it."""
    request = json.load(sys.stdin)
    done: list[str] = []
    try:
        identity = Identity(request["url"])
        identity.log_in(request["password"], request["patience"])
        register(identity, request, done)
    except (Failed, OSError, http.client.HTTPException) as error:
        print(json.dumps({"error": str(error) or type(error).__name__, "done": done}))
    else:
        print(json.dumps({"done": done}))


def register(identity: Identity, request: Mapping[str, Any], done: list[str]) -> None:
    """Everything, in the order in which one needs the other."""
    services = {(each["type"], each["name"]): each for each in identity.get("/services")["services"]}
    endpoints = identity.get(f"/endpoints?region_id={request['region']}")["endpoints"]
    for wanted in request["services"]:
        there = services.get((wanted["type"], wanted["name"]))
        service(identity, wanted, there, request["region"], endpoints, done)
    if request["accounts"]:
        project = project_of_services(identity, done)
        roles = {each["name"]: each["id"] for each in identity.get("/roles")["roles"]}
        for wanted in request["accounts"]:
            account(identity, wanted, project, roles, done)


def service(
    identity: Identity,
    wanted: Mapping[str, Any],
    there: Mapping[str, Any] | None,
    region: str,
    endpoints: list[Mapping[str, Any]],
    done: list[str],
) -> None:
    """A service with an endpoint for each interface."""
    if there is None:
        body = {key: wanted[key] for key in ("type", "name", "description")}
        there = identity.change("POST", "/services", {"service": body})["service"]
        done.append(f"service {wanted['name']}")
    elif not there["enabled"]:
        identity.change("PATCH", f"/services/{there['id']}", {"service": {"enabled": True}})
        done.append(f"service {wanted['name']} enabled")
    for interface in INTERFACES:
        own = [each for each in endpoints if (each["service_id"], each["interface"]) == (there["id"], interface)]
        if any(each["url"] == wanted["url"] and each["enabled"] for each in own):
            continue
        body = {"interface": interface, "region_id": region, "url": wanted["url"], "enabled": True}
        if own:
            identity.change("PATCH", f"/endpoints/{own[0]['id']}", {"endpoint": body})
        else:
            identity.change("POST", "/endpoints", {"endpoint": {**body, "service_id": there["id"]}})
        done.append(f"{interface} endpoint of {wanted['name']}")


def project_of_services(identity: Identity, done: list[str]) -> str:
    """The id of the project that the services' accounts are in."""
    found = identity.get(f"/projects?name={PROJECT}&domain_id={DOMAIN}")["projects"]
    if not found:
        body = {"name": PROJECT, "domain_id": DOMAIN, "description": "The services' own accounts"}
        found = [identity.change("POST", "/projects", {"project": body})["project"]]
        done.append(f"project {PROJECT}")
    return str(found[0]["id"])


def account(
    identity: Identity, wanted: Mapping[str, Any], project: str, roles: dict[str, str], done: list[str]
) -> None:
    """A service's account, with its password and roles."""
    found = identity.get(f"/users?name={urllib.parse.quote(wanted['name'])}&domain_id={DOMAIN}")["users"]
    body = {"name": wanted["name"], "password": wanted["password"], "enabled": True}
    if found:
        user = found[0]["id"]
        identity.change("PATCH", f"/users/{user}", {"user": body})
    else:
        user = identity.change("POST", "/users", {"user": {**body, "domain_id": DOMAIN}})["user"]["id"]
    for role in wanted["roles"]:
        if role not in roles:
            roles[role] = identity.change("POST", "/roles", {"role": {"name": role}})["role"]["id"]
        identity.change("PUT", f"/projects/{project}/users/{user}/roles/{roles[role]}")
    done.append(f"account {wanted['name']}")


if __name__ == "__main__":
    main()
