"""Placement: which resource provider has how much of what left. On every node; its state is in SQL."""

from quorate.cluster.model import Api, Cluster
from quorate.services import openstack
from quorate.services.openstack import Program, Service
from quorate.services.parts import Endpoint, Part

NAME = "placement"
PORT = 8778


def blueprint(placement: Api, cluster: Cluster) -> Part:
    """Placement on the nodes of `on`."""
    migrate = ("placement-manage", "db", "sync")
    revisions = "/usr/lib/python3/dist-packages/placement/db/sqlalchemy/alembic/versions"
    service = Service(
        name=NAME,
        project="placement",
        config="/etc/placement/placement.conf",
        settings={
            "DEFAULT": openstack.LOGGING,
            "placement_database": openstack.sql(NAME, "placement", cluster),
            "keystone_authtoken": openstack.authtoken(NAME, "placement", cluster),
            "oslo_middleware": openstack.BEHIND_FRONT,
        },
        programs=(
            # Its root lists the API's versions, for anybody.
            Program(
                "api", "placement-api.service", "placement-api", wsgi="/usr/bin/placement-api", port=PORT, health="/"
            ),
        ),
        databases=("placement_database",),
        schemas=(openstack.schema(NAME, "placement", placement.on, migrate, "placement", revisions),),
        endpoints=(Endpoint("placement", "placement", "Placement", openstack.public_url(PORT, cluster)),),
        accounts=(openstack.account(NAME, "placement"),),
    )
    return openstack.blueprint(service, placement.on, cluster)
