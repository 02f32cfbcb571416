"""clouds.yaml: what an OpenStack client needs to find the site, written beside the cluster file (0600).

    OS_CLIENT_CONFIG_FILE=FILE.quorate/clouds.yaml OS_CLOUD=NAME openstack token issue

(openstacksdk's documentation, "Configuring OpenStack SDK Applications".)
"""

import contextlib
import io
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML

from quorate.cli.site import Site
from quorate.errors import InputError
from quorate.services.identity import ADMIN_SECRET

IDENTITY_PORT = 5000


def path(site: Site) -> Path:
    """Where it stands."""
    return site.folder / "clouds.yaml"


def environment(site: Site) -> Mapping[str, str]:
    """What tells a client to use it."""
    return {"OS_CLIENT_CONFIG_FILE": str(path(site)), "OS_CLOUD": site.cluster.name}


def write(site: Site) -> bool:
    """Writes the file if it isn't there or says something else; whether it did. Nothing without an identity service.

    Raises:
        InputError: there is no password yet, or the file can't be written.
    """
    if site.cluster.services.identity is None:
        return False
    wanted = content(site)
    with contextlib.suppress(OSError):
        if path(site).read_bytes() == wanted and path(site).stat().st_mode & 0o077 == 0:
            return False
    temporary = path(site).with_name(f".clouds.yaml.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123
            file.write(wanted)
        temporary.replace(path(site))
    except OSError as error:
        raise InputError(f"clouds.yaml can't be written: {error.strerror}", where=str(path(site))) from None
    return True


def content(site: Site) -> bytes:
    """The file; it has the administrator's password in it."""
    cloud = {
        "auth": {
            "auth_url": f"https://{site.cluster.front.ip}:{IDENTITY_PORT}/v3",
            "username": "admin",
            "password": site.secrets.read(ADMIN_SECRET).decode(),
            "user_domain_name": "Default",
            "project_name": "admin",
            "project_domain_name": "Default",
        },
        "region_name": "RegionOne",
        "identity_api_version": 3,
        "cacert": str(site.authority.ca),
    }
    text = io.BytesIO()
    text.write(f"# Written by `quorate init` and `quorate apply` from {site.path.name}; changes are lost.\n".encode())
    YAML().dump({"clouds": {site.cluster.name: cloud}}, text)
    return text.getvalue()
