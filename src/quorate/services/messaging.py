"""RabbitMQ 4: one cluster of three or more brokers, or one broker on a replicated file system.

`quorum` (the default): a broker on each host of `messaging.on`. A message is confirmed once a majority of its queue's
replicas has it on disk; which brokers there are is known to clients, and no address moves.

- Metadata (users, exchanges, queues) is kept by Khepri, that is by Raft, and not by Mnesia, which is RabbitMQ 4.0's
  default still. After a power cut of all nodes two of three Khepri brokers answer after seconds; two Mnesia brokers
  wait for the third: each was told by nobody that the third wasn't the last to write. Seen with 4.0.5, for 45 s; that
  they give up after five minutes is documented ("Restarting with Mnesia-based clusters" in RabbitMQ's clustering
  guide). Khepri is supported since 4.0 and can be upgraded (rabbitmq.com, "Khepri FAQ").
- A minority can't confirm anything, because Raft doesn't let it. `pause_minority` says the same to Mnesia, and is
  ignored with Khepri ("How Khepri approaches failure recovery"). That a node without Corosync's quorum serves nobody
  is Pacemaker's doing: it stops everything there, or the node is fenced.
- A broker without data looks for the others (`classic_config`) until it finds one, and joins; it never begins a cluster
  of its own. So two halves can't begin two clusters, and the first start needs two brokers. One that has lost its data
  (a new disk) joins again as the member that it was.
- A queue's replica is known to its broker after a restart only once Ra's directory of them is on disk, which follows
  the declaration by half a second to a second (`auto_save` in ra_directory.erl). A queue that is younger when a
  majority of the brokers loses power may come back empty, or without a leader (rabbitmq-server issue 15725).
- One that leaves for good is forgotten by a person's command (`forget`), never by a program on its own account: a
  member that is merely away looks the same.

`drbd`: one broker, which is always called `rabbit@messaging`, so that its data is its own on both hosts. It talks to
itself alone: Erlang's distribution stays on the loopback.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address

from quorate import node
from quorate.cluster.model import Cluster, Messaging
from quorate.services.floating_address import floating_address
from quorate.services.links import network_of, where_linked
from quorate.services.only_on import only_on
from quorate.services.parts import (
    Clone,
    File,
    Listener,
    Operation,
    Order,
    Part,
    Primitive,
    Reach,
    Secret,
    ServiceDesign,
    Unit,
    Volume,
    join,
)
from quorate.services.replicated_filesystem import (
    PROMOTED,
    clone_id,
    filesystem_id,
    replicated_filesystem,
    with_primary,
)

NAME = "messaging"
BROKER = f"{NAME}-broker"
BROKERS = f"{BROKER}-clone"
ADDRESS = f"{NAME}-address"
UNIT = "rabbitmq-server.service"

DATA = "/var/lib/rabbitmq/mnesia"
"""All of a broker's data, whatever keeps it; with `drbd` the volume is mounted here. One folder deeper than the home of
the user rabbitmq, so that the cookie stands on both hosts all the time."""
MARK = f"{DATA}/cluster"
"""Whose broker it is that has data here: the cluster's name, written before the first start."""
COOKIE = "/var/lib/rabbitmq/.erlang.cookie"
CERTIFICATE = "/etc/quorate/tls/messaging.pem"
AUTHORITY = "/etc/quorate/tls/ca.pem"
USER, SECRET = "openstack", "messaging-openstack"
"""The account of all services, and the name of its password."""
ACCOUNT = "/etc/rabbitmq/conf.d/quorate-account.conf"

AMQP_PORT, EPMD_PORT, DISTRIBUTION_PORT = 5672, 4369, 25672
LOOPBACK = "127.0.0.1"

START_TIMEOUT = 180
"""Seconds. In the lab three brokers take 24 to 28 s to begin a cluster."""
PATIENCE = 120
"""Seconds after which a start ends, though the broker still waits for its peers: that is no failure of its own. Until
it greets, its monitor says that it is degraded, which Pacemaker keeps on record. Shorter would be better for others,
because nothing new is begun, no takeover either, while an agent starts something; but every start would leave one."""
STOP_TIMEOUT = 60

VOLUME_MINOR, VOLUME_PORT = 1, 7789

FEATURES = (
    "classic_mirrored_queue_version",
    "classic_queue_type_delivery_support",
    "direct_exchange_routing_v2",
    "feature_flags_v2",
    "implicit_default_bindings",
    "khepri_db",
    "listener_records_in_ets",
    "maintenance_mode_status",
    "message_containers",
    "message_containers_deaths_v2",
    "quorum_queue",
    "quorum_queue_non_voters",
    "rabbit_exchange_type_local_random",
    "rabbitmq_4.0.0",
    "restart_streams",
    "stream_filtering",
    "stream_queue",
    "stream_sac_coordinator_unblock_group",
    "stream_single_active_consumer",
    "stream_update_config_command",
    "tracking_records_in_ets",
    "user_limits",
    "virtual_host_metadata",
)
"""What a broker without data enables at its first start: all that 4.0.5 has (`rabbitmqctl list_feature_flags`), and
Khepri, which has to be asked for. 4.0 takes a whole list only; `+khepri_db` is understood from 4.1 on."""


def blueprint(messaging: Messaging, cluster: Cluster) -> Part:
    """The whole service, in the way that `messaging.replicated_by` says."""
    return join(
        [
            _hosts(messaging, cluster),
            _single(messaging, cluster) if is_replicated(messaging) else _clustered(messaging, cluster),
            Part(services=(_served(messaging, cluster),)),
        ]
    )


def is_replicated(messaging: Messaging) -> bool:
    """Whether it is one broker on a replicated volume."""
    return messaging.replicated_by == "drbd"


def volume(messaging: Messaging, cluster: Cluster) -> Volume:
    """Where the single broker's data lives."""
    assert messaging.size is not None, "the defaults give a replicated broker a size"
    first, second = messaging.on
    return Volume(
        name=NAME,
        hosts=(first, second),
        device=f"/dev/drbd{VOLUME_MINOR}",
        backing={host: cluster.nodes[host].data for host in messaging.on},
        size=messaging.size,
        minor=VOLUME_MINOR,
        port=VOLUME_PORT,
        mountpoint=DATA,
        filesystem="ext4",
        owner="rabbitmq:rabbitmq",
    )


def brokers(messaging: Messaging, cluster: Cluster) -> tuple[tuple[str, int], ...]:
    """Where clients connect: the address and port of every broker, or of the one that moves."""
    if messaging.vip:
        return ((str(messaging.vip.ip), messaging.port),)
    return tuple((str(cluster.internal_address(host)), messaging.port) for host in messaging.on)


def transport(cluster: Cluster) -> tuple[str | Secret, ...]:
    """How an OpenStack service reaches the brokers, in oslo.messaging's words: to stand at the end of `[DEFAULT]`.

    Every broker is in the list; oslo.messaging shuffles it, and goes to the next when one is lost.
    """
    messaging = cluster.services.messaging
    assert messaging, "a service that needs messaging is refused without it"
    url: list[str | Secret] = ["transport_url = rabbit://"]
    for number, (address, port) in enumerate(brokers(messaging, cluster)):
        url += [f"{',' if number else ''}{USER}:", Secret(SECRET), f"@{address}:{port}"]
    return (*url, f"/\n{TRANSPORT}")


TRANSPORT = f"""
[oslo_messaging_rabbit]
ssl = true
ssl_ca_file = {AUTHORITY}
ssl_enforce_hostname_verification = true
# Every queue is replicated, replies and fan-outs too: a broker that is lost takes nothing with it.
rabbit_quorum_queue = true
rabbit_transient_quorum_queue = true
rabbit_stream_fanout = true
# Names that a service uses again after its restart: without this each restart leaves replicated queues behind.
use_queue_manager = true
# Seconds until a broker that is off is noticed on a silent connection.
heartbeat_timeout_threshold = 15
heartbeat_rate = 3
# A lost broker is left for the next at once; only a round without success waits, and never for long.
rabbit_retry_interval = 1
rabbit_retry_backoff = 1
rabbit_interval_max = 3
kombu_reconnect_delay = 0.5
kombu_reconnect_splay = 0.5
"""


def forget(host: str) -> tuple[str, ...]:
    """The command by which a member that has left `messaging.on` is forgotten; on any broker that stays.

    For a person, or for a step that a person has confirmed: its replicas count no more from then on, and if it
    was merely away it can't come back with its data.
    """
    return ("rabbitmqctl", "--quiet", "forget_cluster_node", f"rabbit@{host}")


def remembered(mark: str | None, features: str | None) -> str | None:
    """Whose data a host's broker has, from `MARK` and `features_path`; None: it has none, and may join.

    Returns:
        A cluster's name; or "a cluster that Quorate didn't make", where there is data without a mark.
    """
    if mark is not None:
        return mark.strip()
    return "a cluster that Quorate didn't make" if features is not None else None


def features_path(messaging: Messaging, host: str) -> str:
    """The file that every broker writes at its first start, before any other: where it is, there is data."""
    return f"{DATA}/{node_name(messaging, host)}-feature_flags"


def node_name(messaging: Messaging, host: str) -> str:
    """What Erlang calls a broker; its data is filed under this name."""
    return f"rabbit@{NAME if is_replicated(messaging) else host}"


def _clustered(messaging: Messaging, cluster: Cluster) -> Part:
    """A broker on every host, all started at once: each waits for the others."""
    meta = {
        "interleave": "true",
        "ordered": "false",
        "clone-max": str(len(messaging.on)),
        "clone-node-max": "1",
    }
    return Part(
        resources=(Clone(BROKERS, _broker(cluster), meta=meta),), constraints=only_on(BROKERS, messaging.on, cluster)
    )


def _single(messaging: Messaging, cluster: Cluster) -> Part:
    """A broker on the primary, behind its address."""
    assert messaging.vip is not None, "the defaults give a replicated broker an address"
    return join(
        [
            replicated_filesystem(volume(messaging, cluster), cluster),
            floating_address(ADDRESS, messaging.vip, messaging.on, cluster),
            Part(
                resources=(_broker(cluster),),
                constraints=(
                    with_primary(ADDRESS, NAME),
                    *where_linked(clone_id(NAME), network_of(messaging.vip, cluster), cluster, role=PROMOTED),
                    *only_on(BROKER, messaging.on, cluster),
                    with_primary(BROKER, NAME),
                    Order(f"{BROKER}-after-filesystem", first=filesystem_id(NAME), then=BROKER),
                    Order(f"{BROKER}-after-address", first=ADDRESS, then=BROKER),
                ),
            ),
        ]
    )


def _broker(cluster: Cluster) -> Primitive:
    return Primitive(
        BROKER,
        "ocf:quorate:rabbitmq",
        parameters={"unit": UNIT, "cluster": cluster.name, "patience": str(PATIENCE)},
        operations=(
            Operation("start", timeout=START_TIMEOUT),
            Operation("stop", timeout=STOP_TIMEOUT),
            Operation("monitor", timeout=20, interval=5),
        ),
    )


def _hosts(messaging: Messaging, cluster: Cluster) -> Part:
    """What stands on every host in either way."""
    units = (
        Unit(UNIT, enabled=False),
        # The port mapper listens where its socket says. Both or none: to disable the service would, by the `Also=` in
        # its [Install] section, disable the socket, which RabbitMQ's unit wants.
        Unit("epmd.socket", enabled=True),
        Unit("epmd.service", enabled=True),
    )
    return Part(
        packages=dict.fromkeys(messaging.on, ("rabbitmq-server",)),
        files={host: _files(host, messaging, cluster) for host in messaging.on},
        units=dict.fromkeys(messaging.on, units),
        listeners={host: tuple(_listeners(host, messaging, cluster)) for host in messaging.on},
    )


def _files(host: str, messaging: Messaging, cluster: Cluster) -> tuple[File, ...]:
    return (
        File(
            "/etc/rabbitmq/rabbitmq.conf",
            (configuration(host, messaging, cluster),),
            restarts=(UNIT,),
        ),
        # It is read at the first start of all: a change starts no broker anew.
        File(ACCOUNT, account(), mode=0o640, group="rabbitmq"),
        File("/etc/rabbitmq/rabbitmq-env.conf", (environment(host, messaging, cluster),), restarts=(UNIT,)),
        File("/etc/rabbitmq/erl_inetrc", (names(messaging, cluster),), restarts=(UNIT,)),
        File(
            COOKIE,
            (Secret("messaging-cookie"),),
            mode=0o400,
            owner="rabbitmq",
            group="rabbitmq",
            restarts=(UNIT,),
        ),
        File(AUTHORITY, (Secret("tls-ca"),)),
        File(CERTIFICATE, (Secret(f"tls-{host}"),), mode=0o640, group="rabbitmq", restarts=(UNIT,)),
        File(f"/etc/systemd/system/{UNIT}.d/quorate.conf", (DROP_IN,)),
        File(
            "/etc/systemd/system/epmd.socket.d/quorate.conf",
            (_port_mapper(_distribution(host, messaging, cluster)),),
            restarts=("epmd.socket",),
        ),
        File("/usr/lib/ocf/resource.d/quorate/rabbitmq", (node.source("rabbitmq"),), mode=0o755),
        File("/usr/lib/ocf/resource.d/quorate/ocf.py", (node.source("ocf"),)),
    )


def _listeners(host: str, messaging: Messaging, cluster: Cluster) -> Sequence[Listener]:
    client = str(messaging.vip.ip if messaging.vip else cluster.internal_address(host))
    peer = _distribution(host, messaging, cluster)
    reach = Reach.HOST if peer == LOOPBACK else Reach.CLUSTER
    # A single broker runs where its address is; on the other host there is but the port mapper.
    beside = client if messaging.vip else ""
    return (
        Listener(messaging.port, client, "beam.smp", Reach.CLIENTS),
        Listener(AMQP_PORT, LOOPBACK, "beam.smp", Reach.HOST, beside=beside),
        Listener(DISTRIBUTION_PORT, peer, "beam.smp", reach, beside=beside),
        Listener(EPMD_PORT, peer, "epmd", reach),
        *([] if peer == LOOPBACK else [Listener(EPMD_PORT, LOOPBACK, "epmd", Reach.HOST)]),
    )


def _distribution(host: str, messaging: Messaging, cluster: Cluster) -> str:
    """The address on which a broker talks to its peers."""
    return LOOPBACK if is_replicated(messaging) else str(cluster.internal_address(host))


def _served(messaging: Messaging, cluster: Cluster) -> ServiceDesign:
    # Of a cluster's brokers clients have the whole list; a status shows the first.
    resources: tuple[str, ...] = (BROKERS,)
    address = cluster.internal_address(messaging.on[0])
    if messaging.vip:
        resources, address = (clone_id(NAME), filesystem_id(NAME), ADDRESS, BROKER), messaging.vip.ip
    return ServiceDesign(
        name=NAME,
        address=address,
        port=messaging.port,
        hosts=messaging.on,
        resources=resources,
        active_resource=BROKER,
        volume=NAME if is_replicated(messaging) else None,
        units=(UNIT,),
        addresses=tuple(IPv4Address(host) for host, _ in brokers(messaging, cluster)),
    )


def account() -> tuple[str | Secret, ...]:
    """The account that the first broker makes, in place of `guest`, when it begins the cluster."""
    return (f"default_user = {USER}\ndefault_pass = ", Secret(SECRET), "\ndefault_user_tags.administrator = false\n")


def configuration(host: str, messaging: Messaging, cluster: Cluster) -> str:
    """rabbitmq.conf (rabbitmq.com, "Configuration"); everything else is RabbitMQ's own default."""
    address = str(messaging.vip.ip if messaging.vip else cluster.internal_address(host))
    members = "" if is_replicated(messaging) else _members(messaging)
    return f"""\
cluster_name = {cluster.name}

# Clients come by TLS; without it only the cluster's own monitor does, and it doesn't log in.
listeners.ssl.1 = {address}:{messaging.port}
listeners.tcp.1 = {LOOPBACK}:{AMQP_PORT}
ssl_options.cacertfile = {AUTHORITY}
ssl_options.certfile = {CERTIFICATE}
ssl_options.keyfile = {CERTIFICATE}
ssl_options.verify = verify_none
ssl_options.fail_if_no_peer_cert = false
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.2
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = AMQPLAIN
anonymous_login_user = none
# Seconds; a client may ask for less. A broker finds a client that is off, and frees what it held.
heartbeat = 20

# Whatever a client asks for is replicated, unless it names another type.
default_queue_type = quorum

# A node is not RabbitMQ's alone. Above this share of its memory publishers are held back.
vm_memory_high_watermark.relative = 0.2
disk_free_limit.absolute = 200MB
# A log of 512 MiB, the default, is kept in memory as well, and read again at every start.
raft.wal_max_size_bytes = 64000000
# Milliseconds between two looks at peers; the default is 5000. A queue whose leader falls silent has a new one after a
# few of them.
raft.adaptive_failure_detector.poll_interval = 1000

# The journal has it all, but not a line for each visit of the monitor.
log.console = true
log.console.level = info
log.console.use_colors = off
log.file = false
log.connection.level = error
{members}"""


def _members(messaging: Messaging) -> str:
    nodes = "".join(
        f"cluster_formation.classic_config.nodes.{number} = {node_name(messaging, host)}\n"
        for number, host in enumerate(messaging.on, 1)
    )
    return f"""
cluster_partition_handling = pause_minority
cluster_formation.peer_discovery_backend = classic_config
{nodes}# For days: a broker that gave up looking would begin a cluster of its own.
cluster_formation.discovery_retry_limit = 1000000
cluster_formation.discovery_retry_interval = 500
"""


def environment(host: str, messaging: Messaging, cluster: Cluster) -> str:
    """rabbitmq-env.conf, which the server and every `rabbitmqctl` read as a shell script."""
    peer = _distribution(host, messaging, cluster)
    return f"""\
NODENAME={node_name(messaging, host)}
MNESIA_BASE={DATA}
# Names of brokers are no names of hosts: they stand in a file of their own (inet_res, "inetrc").
export ERL_INETRC=/etc/rabbitmq/erl_inetrc
# For the server, for its helpers at the first start, and for rabbitmqctl: none listens for Erlang anywhere else.
export ERL_AFLAGS="-kernel inet_dist_use_interface {_erlang(peer)}"
DIST_PORT={DISTRIBUTION_PORT}
# Where a port mapper listens that RabbitMQ starts itself, because there is none.
ERL_EPMD_ADDRESS={peer}
# Seconds until a peer that is off counts as lost, a quarter more or less; the default is 60.
SERVER_ADDITIONAL_ERL_ARGS="-kernel net_ticktime 15"
# At the first start of all only.
FEATURE_FLAGS={",".join(FEATURES)}
"""


def names(messaging: Messaging, cluster: Cluster) -> str:
    """Erlang's own table of hosts, so that brokers find each other without /etc/hosts and without a name server."""
    known = {NAME: LOOPBACK} if is_replicated(messaging) else {}
    known = known or {host: _distribution(host, messaging, cluster) for host in messaging.on}
    hosts = "".join(f'{{host, {_erlang(address)}, ["{name}"]}}.\n' for name, address in known.items())
    return f"{hosts}{{lookup, [file, native]}}.\n"


def _erlang(address: str) -> str:
    """An address as Erlang writes it."""
    return f"{{{address.replace('.', ',')}}}"


def _port_mapper(peer: str) -> str:
    addresses = dict.fromkeys((LOOPBACK, peer))
    listens = "".join(f"ListenStream={address}:{EPMD_PORT}\n" for address in addresses)
    return f"""\
[Socket]
# Debian's listens on every address.
ListenStream=
{listens}# The address may come later than the socket.
FreeBind=yes
"""


DROP_IN = f"""\
[Unit]
# Pacemaker starts and stops this unit. Without the defaults systemd doesn't stop it at shutdown on its own account:
# it would come before Pacemaker, which then takes an orderly stop for a failure.
DefaultDependencies=no
# How often it may be started is Pacemaker's to count.
StartLimitIntervalSec=0

[Service]
# Whether and where to start again is Pacemaker's decision.
Restart=no
# A broker that waits for its peers isn't started yet, and gives up by itself after five minutes.
TimeoutStartSec=600
# SIGTERM is an orderly stop, too, without the seconds that rabbitmqctl takes to start.
ExecStop=
# Ends before the cluster's own patience does, in a kill: the logs recover from one; a stop that fails costs the node.
TimeoutStopSec={STOP_TIMEOUT // 2}
SendSIGKILL=yes
StandardOutput=journal
StandardError=journal
"""
