"""Network: Neutron's server on every node, with the ML2 plugin and Open vSwitch. Agents are no part of it.

The server is three programs: the API, what answers the agents, and what looks after them from time to time.
"""

from quorate.cluster.model import Api, Cluster
from quorate.services import openstack
from quorate.services.openstack import Program, Service, Settings
from quorate.services.parts import Endpoint, Part

NAME = "network"
PORT = 9696
CONFIG = "/etc/neutron/neutron.conf"
PACKAGES = "/usr/lib/python3/dist-packages/neutron"


def blueprint(network: Api, cluster: Cluster) -> Part:
    """Neutron's programs on the nodes of `on`."""
    migrate = ("neutron-db-manage", "--config-file", CONFIG, "upgrade", "heads")
    revisions = f"{PACKAGES}/db/migration/alembic_migrations/versions"
    service = Service(
        name=NAME,
        project="neutron",
        config=CONFIG,
        settings=settings(cluster),
        programs=(
            Program("api", "neutron-api.service", "neutron-api", f"{PACKAGES}/wsgi/api.py", port=PORT, threads=1),
            Program("rpc", "neutron-rpc-server.service", "neutron-rpc-server", command=_command("neutron-rpc-server")),
            Program(
                "periodic",
                "neutron-periodic-workers.service",
                "neutron-periodic-workers",
                command=_command("neutron-periodic-workers"),
            ),
        ),
        messaging=True,
        schemas=(openstack.schema(NAME, "neutron", network.on, migrate, "neutron", revisions),),
        endpoints=(Endpoint("network", "neutron", "Network", openstack.public_url(PORT, cluster)),),
        accounts=(openstack.account(NAME, "neutron"),),
    )
    return openstack.blueprint(service, network.on, cluster)


def _command(program: str) -> tuple[str, ...]:
    return (f"/usr/bin/{program}", "--config-file", CONFIG)


def settings(cluster: Cluster) -> Settings:
    """What neutron.conf says, the plugin's part included."""
    return {
        "DEFAULT": {
            **openstack.LOGGING,
            "core_plugin": "ml2",
            "service_plugins": "router",
            # Two agents for each network, and routers that fail over between them.
            "dhcp_agents_per_network": "2",
            "l3_ha": "true",
            "rpc_workers": "2",
            "rpc_state_report_workers": "1",
        },
        "ml2": {
            "type_drivers": "flat,vlan,vxlan",
            "tenant_network_types": "vxlan",
            "mechanism_drivers": "openvswitch,l2population",
            "extension_drivers": "port_security",
        },
        "ml2_type_vxlan": {"vni_ranges": "1:65535"},
        "database": openstack.sql(NAME, "neutron", cluster),
        "keystone_authtoken": openstack.authtoken(NAME, "neutron", cluster),
        "nova": openstack.service_user(NAME, "neutron", cluster),
        "placement": openstack.service_user(NAME, "neutron", cluster),
        "oslo_middleware": openstack.BEHIND_FRONT,
        "oslo_concurrency": {"lock_path": "/run/neutron"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }
