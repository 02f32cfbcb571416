"""Block storage: Cinder's API and schedulers on every node, and one volume service, wherever that is.

The volume service is one: without a distributed lock manager two of them would work on one volume at once. All nodes
call it by the cluster's name (`host`), so that each volume's owner is still there after it has moved. Which back ends
it has is the site's to say, in files beneath `BACK_ENDS`, the same on all nodes.
"""

from quorate.cluster.model import Api, Cluster
from quorate.services import openstack
from quorate.services.openstack import Program, Service, Settings
from quorate.services.parts import Endpoint, Part

NAME = "block-storage"
PORT = 8776
BACK_ENDS = "/etc/cinder/cinder.conf.d"
PACKAGES = "/usr/lib/python3/dist-packages/cinder"


def blueprint(block_storage: Api, cluster: Cluster) -> Part:
    """Cinder's programs on the nodes of `on`."""
    migrate, revisions = ("cinder-manage", "db", "sync"), f"{PACKAGES}/db/migrations/versions"
    url = f"{openstack.public_url(PORT, cluster)}/v3"
    service = Service(
        name=NAME,
        project="cinder",
        config="/etc/cinder/cinder.conf",
        settings=settings(cluster),
        programs=(
            Program("api", "cinder-api.service", "cinder-api", f"{PACKAGES}/wsgi/api.py", port=PORT),
            Program(
                "scheduler", "cinder-scheduler.service", "cinder-scheduler", command=("/usr/bin/cinder-scheduler",)
            ),
            Program(
                "volume", "cinder-volume.service", "cinder-volume", command=("/usr/bin/cinder-volume",), single=True
            ),
        ),
        messaging=True,
        schemas=(openstack.schema(NAME, "cinder", block_storage.on, migrate, "cinder", revisions),),
        endpoints=(Endpoint("block-storage", "cinder", "Block storage", url),),
        accounts=(openstack.account(NAME, "cinder"),),
    )
    return openstack.blueprint(service, block_storage.on, cluster)


def settings(cluster: Cluster) -> Settings:
    """What cinder.conf says."""
    return {
        "DEFAULT": {
            **openstack.LOGGING,
            "host": cluster.name,
            "auth_strategy": "keystone",
            "glance_ca_certificates_file": openstack.CA,
        },
        "database": openstack.sql(NAME, "cinder", cluster),
        "keystone_authtoken": openstack.authtoken(NAME, "cinder", cluster),
        "service_user": openstack.service_user(NAME, "cinder", cluster) | {"send_service_user_token": "true"},
        "nova": openstack.service_user(NAME, "cinder", cluster),
        "oslo_middleware": openstack.BEHIND_FRONT,
        "oslo_concurrency": {"lock_path": "/run/cinder"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }
