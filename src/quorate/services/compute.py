"""Compute: Nova's control plane on every node. Hypervisors are no part of it.

Nova's API database has to know each cell's database and brokers: cell 0, which holds what could be placed nowhere,
and cell 1, which is all the rest. The addresses are templates that Nova fills in from its configuration (its "Cells"
guide, "Templated URLs in cell mappings"): no password stands in them, so a changed one needs no change there.
"""

from dataclasses import replace

from quorate.cluster.model import Api, Cluster
from quorate.services import messaging, openstack
from quorate.services.openstack import Program, Service, Settings
from quorate.services.parts import Cell, Endpoint, Part

NAME = "compute"
PORT, METADATA_PORT = 8774, 8775
CONFIG = "/etc/nova/nova.conf"
PACKAGES = "/usr/lib/python3/dist-packages/nova"

NO_BROKERS = "none:///"
"""What `map_cell0` itself says of cell 0, to which nobody talks."""


def blueprint(compute: Api, cluster: Cluster) -> Part:
    """Nova's API, its metadata, its conductors and its schedulers on the nodes of `on`."""
    first, second = cells(cluster)
    # The whole `db sync` is cell 0's: that is the one that needs the cell to be known.
    api_sync, sync = ("nova-manage", "api_db", "sync"), ("nova-manage", "db", "sync")
    main = f"{PACKAGES}/db/main/migrations/versions"
    cell0 = openstack.schema(NAME, "nova_cell0", compute.on, sync, "nova", main)
    cell1 = openstack.schema(NAME, "nova", compute.on, (*sync, "--local_cell"), "nova", main)
    service = Service(
        name=NAME,
        project="nova",
        config=CONFIG,
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
            replace(cell0, cell=first),
            replace(cell1, cell=second),
        ),
        endpoints=(Endpoint("compute", "nova", "Compute", f"{openstack.public_url(PORT, cluster)}/v2.1"),),
        accounts=(openstack.account(NAME, "nova"),),
    )
    return openstack.blueprint(service, compute.on, cluster)


def cells(cluster: Cluster) -> tuple[Cell, Cell]:
    """Cell 0 and cell 1."""
    brokers = cluster.services.messaging
    assert brokers, "the checks of the cluster file let no Nova be without brokers"
    count = len(messaging.brokers(brokers, cluster))
    # Of several brokers each has a number.
    numbers = range(1, count + 1) if count > 1 else [""]
    at = ",".join(f"{{username{n}}}:{{password{n}}}@{{hostname{n}}}:{{port{n}}}" for n in numbers)
    return _cell("cell0", "nova_cell0", NO_BROKERS), _cell("cell1", "nova", f"{{scheme}}://{at}/{{path}}")


def _cell(name: str, schema: str, transport: str) -> Cell:
    database = f"{{scheme}}://{schema}:{{password}}@{{hostname}}:{{port}}/{schema}?{{query}}"
    nova, at = ("nova-manage", "cell_v2"), ("--database_connection", database)
    whole = ("--name", name, "--transport-url", transport, *at)
    make = (*nova, "map_cell0", *at) if transport == NO_BROKERS else (*nova, "create_cell", *whole)
    return Cell(name, "nova_api", database, transport, make, (*nova, "update_cell", *whole, "--cell_uuid"), CONFIG)


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
