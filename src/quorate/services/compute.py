"""Compute: Nova's control plane on every node. Hypervisors are no part of it.

Nova keeps each cell's address in its API database, which it wants to be told once, as `nova`, after the schemas are
there (`CELLS`). The addresses are templates that it fills in from its configuration: no password stands in them.
"""

from quorate.cluster.model import Api, Cluster
from quorate.services import openstack
from quorate.services.openstack import Program, Service, Settings
from quorate.services.parts import Endpoint, Part

NAME = "compute"
PORT, METADATA_PORT = 8774, 8775
PACKAGES = "/usr/lib/python3/dist-packages/nova"

_CELL = "{scheme}://%s:{password}@{hostname}:{port}/%s?{query}"
CELLS = (
    ("nova-manage", "cell_v2", "map_cell0", "--database_connection", _CELL % ("nova_cell0", "nova_cell0")),
    ("nova-manage", "db", "sync"),
    ("nova-manage", "cell_v2", "create_cell", "--name", "cell1", "--database_connection", _CELL % ("nova", "nova")),
)
"""Cell 0 holds what could be placed nowhere; cell 1 is all the rest."""


def blueprint(compute: Api, cluster: Cluster) -> Part:
    """Nova's API, its metadata, its conductors and its schedulers on the nodes of `on`."""
    api_sync, sync = ("nova-manage", "api_db", "sync"), ("nova-manage", "db", "sync", "--local_cell")
    main = f"{PACKAGES}/db/main/migrations/versions"
    service = Service(
        name=NAME,
        project="nova",
        config="/etc/nova/nova.conf",
        settings=settings(cluster),
        programs=(
            # The root lists the API's versions, for anybody.
            Program(
                "api",
                "nova-api.service",
                "nova-api",
                f"{PACKAGES}/wsgi/osapi_compute.py",
                port=PORT,
                health="/",
                threads=1,
            ),
            Program(
                "metadata",
                "nova-api-metadata.service",
                "nova-api",
                f"{PACKAGES}/wsgi/metadata.py",
                port=METADATA_PORT,
                health="/",
                threads=1,
            ),
            Program("conductor", "nova-conductor.service", "nova-conductor", command=("/usr/bin/nova-conductor",)),
            Program("scheduler", "nova-scheduler.service", "nova-scheduler", command=("/usr/bin/nova-scheduler",)),
        ),
        databases=("api_database", "database"),
        messaging=True,
        schemas=(
            openstack.schema(NAME, "nova_api", compute.on, api_sync, "nova", f"{PACKAGES}/db/api/migrations/versions"),
            openstack.schema(NAME, "nova_cell0", compute.on, (), "nova"),
            openstack.schema(NAME, "nova", compute.on, sync, "nova", main),
        ),
        endpoints=(Endpoint("compute", "nova", "Compute", f"{openstack.public_url(PORT, cluster)}/v2.1"),),
        accounts=(openstack.account(NAME, "nova"),),
    )
    return openstack.blueprint(service, compute.on, cluster)


def settings(cluster: Cluster) -> Settings:
    """What nova.conf says."""
    user = openstack.service_user(NAME, "nova", cluster)
    return {
        "DEFAULT": openstack.LOGGING,
        "api_database": openstack.sql(NAME, "nova_api", cluster),
        "database": openstack.sql(NAME, "nova", cluster),
        "keystone_authtoken": openstack.authtoken(NAME, "nova", cluster),
        "service_user": user | {"send_service_user_token": "true"},
        "placement": user,
        "glance": {"cafile": openstack.CA, "region_name": openstack.REGION},
        "neutron": user | {"service_metadata_proxy": "true"},
        "cinder": user | {"os_region_name": openstack.REGION},
        "cache": openstack.cache(cluster),
        # A few of each on every node; the brokers share the work out among all of them.
        "conductor": {"workers": "2"},
        "scheduler": {"workers": "2"},
        "oslo_middleware": openstack.BEHIND_FRONT,
        "oslo_concurrency": {"lock_path": "/run/nova"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }
