"""Dashboard: Horizon on every node. It keeps nothing: a session is a signed cookie, which every node can read.

So the loss of a node logs nobody out, as it would with sessions in memcached. The key that cookies are signed with is a
secret of the cluster: who has it can be anybody, and, as Horizon packs its sessions with `pickle`, can do anything.
"""

from quorate.cluster.model import Api, Cluster
from quorate.services import openstack
from quorate.services.openstack import CA, Program, Service, Text
from quorate.services.parts import File, Part, Secret

NAME = "dashboard"
PORT = 8080
FRONT_PORT = 443
SETTINGS = "/etc/openstack-dashboard/local_settings.py"
STATIC = "/var/lib/openstack-dashboard/static"
"""Filled by the package's installation."""


def blueprint(dashboard: Api, cluster: Cluster) -> Part:
    """Horizon on the nodes of `on`."""
    program = Program(
        "api",
        "horizon.service",
        "openstack-dashboard",
        wsgi="/usr/share/openstack-dashboard/wsgi.py",
        port=PORT,
        # Leads whoever isn't logged in to the login page, and asks nobody.
        health="/home/",
        alive=(200, 302),
        healthy=(200, 302),
        uwsgi=(f"static-map = /static={STATIC}", f"static-safe = {STATIC}"),
        front_port=FRONT_PORT,
    )
    service = Service(
        name=NAME,
        project="horizon",
        config=SETTINGS,
        settings={},
        programs=(program,),
        files=(File(SETTINGS, settings(cluster), 0o640, (program.unit,), group="horizon"),),
        databases=(),
    )
    return openstack.blueprint(service, dashboard.on, cluster)


def settings(cluster: Cluster) -> Text:
    """Horizon's settings, a Python file; the rest is Debian's, in `local_settings.d`."""
    declared = cluster.services.declared()
    home = '\nHORIZON_CONFIG["user_home"] = "/project/images/"  # the overview is of Compute, which there is none of'
    return (
        f"""\
# Written by Quorate from the cluster file.
from openstack_dashboard.settings import HORIZON_CONFIG
{home if "compute" not in declared and "image" in declared else ""}
SECRET_KEY = \"""",
        Secret("dashboard-key"),
        f"""\"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Only the front reaches it, under whatever name clients have for that.
ALLOWED_HOSTS = ["*"]
OPENSTACK_KEYSTONE_URL = "{openstack.public_url(5000, cluster)}/v3"
OPENSTACK_SSL_CACERT = "{CA}"
OPENSTACK_API_VERSIONS = {{"identity": 3}}
LOGGING = {{
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {{"journal": {{"class": "logging.StreamHandler", "level": "INFO"}}}},
    "root": {{"handlers": ["journal"], "level": "INFO"}},
}}
""",
    )
