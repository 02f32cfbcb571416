"""MariaDB in the classic pair: its data on a replicated file system, listening on an address that floats with it.

A takeover promotes DRBD, mounts, and starts MariaDB. The address needs none of that and moves meanwhile: clients are
refused, which they notice at once, instead of running into time-outs.
"""

from quorate import node
from quorate.cluster.model import Cluster, Database
from quorate.services.floating_address import floating_address
from quorate.services.links import network_of, where_linked
from quorate.services.only_on import only_on
from quorate.services.parts import (
    File,
    Listener,
    Operation,
    Order,
    Part,
    Primitive,
    Reach,
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

NAME = "database"
DATA = "/var/lib/mysql"
SOCKET = "/run/mysqld/mysqld.sock"
UNIT_NAME = "mariadb.service"
SERVER = f"{NAME}-mariadb"
ADDRESS = f"{NAME}-address"

START_TIMEOUT = 120
"""Seconds; InnoDB's recovery after a crash is bounded by the size of its log."""
STOP_TIMEOUT = 60

MIB = 1024**2


def blueprint(database: Database, cluster: Cluster) -> Part:
    """The whole service; `database.on` names its two hosts."""
    data = volume(database, cluster)
    return join(
        [
            replicated_filesystem(data, cluster),
            floating_address(ADDRESS, database.vip, database.on, cluster),
            Part(
                constraints=(
                    with_primary(ADDRESS, NAME),
                    *where_linked(clone_id(NAME), network_of(database.vip, cluster), cluster, role=PROMOTED),
                )
            ),
            _server(database, cluster),
            Part(services=(_served(database),)),
        ]
    )


def volume(database: Database, cluster: Cluster) -> Volume:
    """Where the data lives. The database is the first volume of a cluster: minor 0, DRBD's first port."""
    return Volume(
        name=NAME,
        hosts=database.on,
        device="/dev/drbd0",
        backing={host: cluster.nodes[host].data for host in database.on},
        size=database.size,
        minor=0,
        port=7788,
        mountpoint=DATA,
        filesystem="ext4",
        owner="mysql:mysql",
        # Root comes in by the unix socket alone; no anonymous user, no test database (mariadb-install-db(1)).
        initialise=(
            (
                "mariadb-install-db",
                "--user=mysql",
                f"--datadir={DATA}",
                "--auth-root-authentication-method=socket",
                "--skip-test-db",
                "--skip-name-resolve",
            ),
        ),
    )


def _server(database: Database, cluster: Cluster) -> Part:
    server = Primitive(
        SERVER,
        "ocf:quorate:mariadb",
        parameters={"unit": UNIT_NAME, "socket": SOCKET},
        operations=(
            Operation("start", timeout=START_TIMEOUT),
            Operation("stop", timeout=STOP_TIMEOUT),
            Operation("monitor", timeout=15, interval=5),
        ),
    )
    files = (
        File("/etc/mysql/mariadb.conf.d/90-quorate.cnf", (configuration(database),), restarts=(UNIT_NAME,)),
        File("/etc/systemd/system/mariadb.service.d/quorate.conf", (UNIT,), restarts=(UNIT_NAME,)),
        File("/usr/lib/ocf/resource.d/quorate/mariadb", (node.source("mariadb"),), mode=0o755),
        File("/usr/lib/ocf/resource.d/quorate/ocf.py", (node.source("ocf"),)),
    )
    return Part(
        packages=dict.fromkeys(database.on, ("mariadb-server",)),
        files=dict.fromkeys(database.on, files),
        units=dict.fromkeys(database.on, (Unit(UNIT_NAME, enabled=False),)),
        # Its clients are the services; who drills or looks after it stands on its network, too.
        listeners=dict.fromkeys(
            database.on, (Listener(database.port, str(database.vip.ip), "mariadbd", Reach.NETWORK),)
        ),
        resources=(server,),
        constraints=(
            *only_on(SERVER, database.on, cluster),
            with_primary(SERVER, NAME),
            Order(f"{SERVER}-after-filesystem", first=filesystem_id(NAME), then=SERVER),
            Order(f"{SERVER}-after-address", first=ADDRESS, then=SERVER),
        ),
    )


def _served(database: Database) -> ServiceDesign:
    return ServiceDesign(
        name=NAME,
        address=database.vip.ip,
        port=database.port,
        hosts=database.on,
        resources=(clone_id(NAME), filesystem_id(NAME), ADDRESS, SERVER),
        active_resource=SERVER,
        volume=NAME,
        units=("mariadb.service",),
    )


def configuration(database: Database) -> str:
    """MariaDB's settings that are ours; everything else is Debian's.

    Memory follows the volume: an eighth of it, from 128 MiB to 4 GiB. The log is half of that: what a crash leaves
    to be replayed before MariaDB answers again, and so part of every outage.
    """
    pool = min(max(database.size // 8, 128 * MIB), 4096 * MIB)
    return f"""\
[mariadbd]
# The floating address alone: a server that has lost it answers nobody.
bind-address                   = {database.vip.ip}
port                           = {database.port}
socket                         = {SOCKET}
datadir                        = {DATA}
# The root folder of an ext4 file system is no database.
ignore-db-dirs                 = lost+found

# An acknowledged commit is on disk, here and on the replica.
innodb-flush-log-at-trx-commit = 1
innodb-doublewrite             = ON
innodb-buffer-pool-size        = {pool // MIB}M
innodb-log-file-size           = {pool // 2 // MIB}M

# No name server between a client and its connection.
skip-name-resolve
max-connections                = 500
connect-timeout                = 10
# The cluster's monitor connects and leaves without logging in; level 2 has a warning for each time.
log-warnings                   = 1
"""


UNIT = f"""\
[Unit]
# Pacemaker starts and stops this unit. Without the defaults systemd doesn't stop it at shutdown on its own account:
# it would come before Pacemaker, which then takes an orderly stop for a failure.
DefaultDependencies=no
# How often it may be started is Pacemaker's to count.
StartLimitIntervalSec=0

[Service]
# Debian's preparations are for Galera and for upgrades; each start of a shell lengthens an outage.
ExecStartPre=
ExecStartPost=
EnvironmentFile=
RuntimeDirectory=mysqld
RuntimeDirectoryMode=0755
RuntimeDirectoryPreserve=yes
# Whether and where to start again is Pacemaker's decision.
Restart=no
TimeoutStartSec={START_TIMEOUT - 10}
# Ends before the cluster's own patience does, in a kill: InnoDB recovers from one; a stop that fails costs the node.
TimeoutStopSec={STOP_TIMEOUT // 2}
SendSIGKILL=yes
"""
