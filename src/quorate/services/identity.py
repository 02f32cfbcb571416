"""Identity: Keystone on every node, with Fernet tokens. Its state is in SQL, and in keys that all nodes have alike.

A cluster's first user, its catalogue and the project of the services come from

    keystone-manage bootstrap

run once, as `keystone`, after the keys and the schema are there, with `admin`'s password (the secret `identity-admin`)
in the variable OS_BOOTSTRAP_PASSWORD; the URLs are `ENDPOINT`'s. It may be run again: it changes what differs.
"""

from quorate.cluster.model import Api, Cluster
from quorate.services import openstack
from quorate.services.openstack import Program, Service
from quorate.services.parts import Endpoint, KeyRepository, Part

NAME = "identity"
PORT = 5000
UNIT = "keystone.service"

ADMIN = "admin"
"""The first user, in the project of the same name."""
ADMIN_SECRET = "identity-admin"  # noqa: S105

TOKENS = "/etc/keystone/fernet-keys"
CREDENTIALS = "/etc/keystone/credential-keys"

EXPIRY = 3600
"""Seconds that a token is good for."""
GRACE = 172800
"""Seconds after its expiry for which services may go on using a user's token in what they do already."""
ROTATION = EXPIRY + GRACE
"""Seconds that must lie between two rotations, so that no token outlives the key that it was made with."""
MOST_KEYS = (EXPIRY + GRACE) // ROTATION + 2
"""Keystone's rule: those under which tokens are still good, the one in use, and the next one, staged."""


def blueprint(identity: Api, cluster: Cluster) -> Part:
    """Keystone on the nodes of `on`."""
    return openstack.blueprint(_service(identity, cluster), identity.on, cluster)


def endpoint(cluster: Cluster) -> Endpoint:
    """Identity's own entry in the catalogue, which bootstrap makes."""
    return Endpoint("identity", "keystone", "Identity", f"{openstack.public_url(PORT, cluster)}/v3")


def _service(identity: Api, cluster: Cluster) -> Service:
    migrate = ("keystone-manage", "db_sync")
    revisions = "/usr/lib/python3/dist-packages/keystone/common/sql/migrations/versions"
    return Service(
        name=NAME,
        project="keystone",
        config="/etc/keystone/keystone.conf",
        settings={
            "DEFAULT": {**openstack.LOGGING, "public_endpoint": openstack.public_url(PORT, cluster)},
            "database": openstack.sql(NAME, "keystone", cluster),
            "cache": openstack.cache(cluster),
            # An hour and ten minutes by default: longer than a memcached that was away may go on being believed.
            "revoke": {"cache_time": openstack.CACHED},
            "identity": {"cache_time": openstack.CACHED},
            "token": {"provider": "fernet", "expiration": str(EXPIRY), "allow_expired_window": str(GRACE)},
            "fernet_tokens": {"key_repository": TOKENS, "max_active_keys": str(MOST_KEYS)},
            "credential": {"key_repository": CREDENTIALS},
            "oslo_middleware": openstack.BEHIND_FRONT,
            # Nobody reads them; in a quorum queue they would pile up.
            "oslo_messaging_notifications": {"driver": "noop"},
        },
        programs=(Program("api", UNIT, "keystone", wsgi="/usr/bin/keystone-wsgi-public", port=PORT),),
        schemas=(openstack.schema(NAME, "keystone", identity.on, migrate, "keystone", revisions),),
        keys=(
            KeyRepository("identity-tokens", TOKENS, "keystone:keystone", identity.on, most=MOST_KEYS),
            KeyRepository("identity-credentials", CREDENTIALS, "keystone:keystone", identity.on, most=MOST_KEYS),
        ),
        endpoints=(endpoint(cluster),),
    )
