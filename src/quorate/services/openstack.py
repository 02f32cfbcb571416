"""What all OpenStack services have in common: one description in, everything that a host and the cluster need out.

Each program of a service is a systemd unit that Pacemaker starts on every node of `on`, as a clone; APIs are WSGI
applications in uWSGI, behind the front. They keep no state: what a client waits for when a node fails is HAProxy's
notice, and, if the database's node it was, the database.

A failure of what a service stands on isn't its own. So the orders between services are advisory, nothing restarts
because something else did, and a program that waits for the database isn't taken for one that hangs: see
`ocf:quorate:openstack-api`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile

from quorate import node
from quorate.cluster.model import Cluster
from quorate.services import memcached, messaging
from quorate.services.only_on import only_on
from quorate.services.parts import (
    Account,
    Balanced,
    Clone,
    Constraint,
    Endpoint,
    File,
    KeyRepository,
    Listener,
    Operation,
    Order,
    Part,
    Primitive,
    Reach,
    Schema,
    Secret,
    ServiceDesign,
    Unit,
    join,
)

Text = tuple[str | Secret, ...]
Settings = Mapping[str, Mapping[str, str | Text]]
"""An INI file: options by section. A value is text, or pieces with secrets among them."""

CA = "/etc/quorate/tls/ca.pem"
REGION = "RegionOne"

START_TIMEOUT = 120
"""Seconds. Python reads some two thousand modules: a second or two, ten on a node of the lab, more when all start."""
STOP_TIMEOUT = 40
THREADS = 4
"""In each process; one waits for SQL most of its time."""


@dataclass(frozen=True)
class Program:
    """One program of a service: a systemd unit of ours, in the place of Debian's."""

    name: str
    """The resource is `SERVICE-NAME`, `identity-api`."""
    unit: str
    package: str
    wsgi: str = ""
    """A WSGI application as a Python file, for uWSGI; or else ..."""
    command: tuple[str, ...] = ()
    """... a program that runs in the foreground, which systemd takes for ready once it is started."""
    port: int = 0
    """Where it answers by HTTP, and, unless `front_port` says otherwise, the port of the front for it."""
    health: str = "/healthcheck"
    """A path that is answered without asking anybody else."""
    alive: tuple[int, ...] = (200,)
    """The HTTP statuses with which the program shows that it works."""
    healthy: tuple[int, ...] = (200,)
    """The HTTP statuses that let the front send requests."""
    threads: int = THREADS
    """In each process; one for what is written for eventlet, whose locks know nothing of threads."""
    patience: int = 60
    """Seconds that a request may take before its process is replaced."""
    uwsgi: tuple[str, ...] = ()
    """Further lines for uWSGI."""
    single: bool = False
    """Whether only one may run at a time, on whichever node."""
    front_port: int = 0
    """The port of the front at which clients reach it, if that isn't the same."""


@dataclass(frozen=True)
class Service:
    """An OpenStack service, described."""

    name: str
    """As the cluster file calls it: `identity`."""
    project: str
    """As OpenStack calls it: `keystone`. It is the name of its system user, of its folders and of its SQL account."""
    config: str
    """The path of its main configuration file."""
    settings: Settings
    """What that says; empty if it is no INI file, and stands among `files`."""
    programs: tuple[Program, ...]
    packages: tuple[str, ...] = ()
    """Beside those of its programs."""
    files: tuple[File, ...] = ()
    """Beside its main configuration."""
    databases: tuple[str, ...] = ("database",)
    """The sections of its configuration that name a database."""
    schemas: tuple[Schema, ...] = ()
    messaging: bool = False
    """Whether its programs talk to each other by way of the brokers."""
    keys: tuple[KeyRepository, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    accounts: tuple[Account, ...] = ()
    user: str = ""
    """Its system user and group, if that isn't called as the project is."""
    active_resource: str = "front-address"
    volume: str | None = None
    volume_resources: tuple[str, ...] = field(default=())
    """The resources of its volume, which are there before its programs."""

    @property
    def runs_as(self) -> str:
        """The system user, and the group of the same name."""
        return self.user or self.project


def blueprint(service: Service, on: tuple[str, ...], cluster: Cluster) -> Part:
    """The whole service on its nodes."""
    transport = messaging.transport(cluster) if service.messaging else ()
    units = tuple(program.unit for program in service.programs)
    text = config(service.settings, transport)
    settings = File(service.config, text, mode=0o640, restarts=units, group=service.runs_as)
    clones = tuple(f"{service.name}-{program.name}-clone" for program in service.programs)
    # An API starts without its database; Nova's conductor, for one, doesn't.
    workers = tuple(clone for clone, program in zip(clones, service.programs, strict=True) if not program.wsgi)
    return join(
        [
            Part(
                packages=dict.fromkeys(on, service.packages),
                files=dict.fromkeys(on, (*((settings,) if service.settings else ()), *service.files)),
                schemas=tuple(replace(schema, resources=workers) for schema in service.schemas),
                keys=service.keys,
                endpoints=service.endpoints,
                accounts=service.accounts,
            ),
            *(_program(service, program, on, cluster) for program in service.programs),
            Part(
                services=(
                    ServiceDesign(
                        name=service.name,
                        address=cluster.front.ip,
                        port=service.programs[0].front_port or service.programs[0].port,
                        hosts=on,
                        resources=(*service.volume_resources, *clones),
                        active_resource=service.active_resource,
                        volume=service.volume,
                        units=units,
                    ),
                )
            ),
        ]
    )


def _program(service: Service, program: Program, on: tuple[str, ...], cluster: Cluster) -> Part:
    resource = f"{service.name}-{program.name}"
    ini = f"/etc/quorate/uwsgi/{resource}.ini"
    files = (
        File(f"/etc/systemd/system/{program.unit}", (_unit(service, program, ini),), restarts=(program.unit,)),
        File("/usr/lib/ocf/resource.d/quorate/openstack-api", (node.source("openstack_api"),), mode=0o755),
        File("/usr/lib/ocf/resource.d/quorate/ocf.py", (node.source("ocf"),)),
        File(CA, (Secret("tls-ca"),)),
    )
    own = {
        host: (File(ini, (_uwsgi(program, host, cluster),), restarts=(program.unit,)),) for host in on if program.wsgi
    }
    packages = (program.package, *(("uwsgi-core", "uwsgi-plugin-python3") if program.wsgi else ()))
    return Part(
        packages=dict.fromkeys(on, packages),
        files={host: (*files, *own.get(host, ())) for host in on},
        units=dict.fromkeys(on, (Unit(program.unit, enabled=False),)),
        resources=(_clone(resource, program, cluster),),
        constraints=(*only_on(f"{resource}-clone", on, cluster), *_orders(service.name, f"{resource}-clone", cluster)),
        listeners={host: _listeners(program, host, cluster) for host in on},
        balanced=(_balanced(service, program, on, cluster),) if program.port else (),
    )


def _clone(resource: str, program: Program, cluster: Cluster) -> Clone:
    url = f"http://127.0.0.1:{program.port}{program.health}" if program.port else ""
    parameters = {"unit": program.unit, "url": url, "statuses": " ".join(map(str, program.alive))}
    database = cluster.services.database
    assert database, "the checks of the cluster file let no API be without a database"
    return Clone(
        f"{resource}-clone",
        Primitive(
            resource,
            "ocf:quorate:openstack-api",
            parameters=parameters | {"stands_on": f"{database.vip.ip}:{database.port}"},
            operations=(
                Operation("start", timeout=START_TIMEOUT),
                Operation("stop", timeout=STOP_TIMEOUT),
                # HAProxy notices a failure sooner; this is about mending it.
                Operation("monitor", timeout=60, interval=10),
            ),
        ),
        meta={"interleave": "true"} | ({"clone-max": "1"} if program.single else {}),
    )


LAYERS = (
    ("database", "database-mariadb"),
    ("messaging", "messaging-broker"),
    ("identity", "identity-api-clone"),
    ("image", "image-api-clone"),
)
"""What comes up one after the other; everything else comes after all of it."""


def _orders(service: str, resource: str, cluster: Cluster) -> tuple[Constraint, ...]:
    """Advisory: they hold if both start at once, and bind nobody when one of them moves or fails."""
    declared = cluster.services.declared()
    brokers = cluster.services.messaging
    firsts = [
        f"{first}-clone" if layer == "messaging" and brokers and brokers.replicated_by == "quorum" else first
        for layer, first in takewhile(lambda layer: layer[0] != service, LAYERS)
        if layer in declared
    ]
    return tuple(Order(f"{resource}-after-{first}", first=first, then=resource, kind="Optional") for first in firsts)


def _listeners(program: Program, host: str, cluster: Cluster) -> tuple[Listener, ...]:
    if not program.port:
        return ()
    return (
        Listener(program.port, str(cluster.internal_address(host)), "uwsgi-core", Reach.CLUSTER),
        Listener(program.port, "127.0.0.1", "uwsgi-core", Reach.HOST),
    )


def _balanced(service: Service, program: Program, on: tuple[str, ...], cluster: Cluster) -> Balanced:
    return Balanced(
        name=service.name if program is service.programs[0] else f"{service.name}-{program.name}",
        port=program.front_port or program.port,
        servers={host: f"{cluster.internal_address(host)}:{program.port}" for host in on},
        check=program.health,
        healthy=program.healthy,
    )


def _uwsgi(program: Program, host: str, cluster: Cluster) -> str:
    """The configuration of uWSGI: processes that share what they have read, and are replaced if they hang."""
    more = "".join(f"{line}\n" for line in program.uwsgi)
    return f"""\
[uwsgi]
http-socket = 127.0.0.1:{program.port}
http-socket = {cluster.internal_address(host)}:{program.port}
plugins = python3
wsgi-file = {program.wsgi}
master = true
# The application is read once, before the processes are made of it: they share its memory, and systemd's `start`
# returns when it is there. Without it there is no service.
need-app = true
single-interpreter = true
enable-threads = true
threads = {program.threads}
# By the host's cores.
processes = 2
if-exists = /sys/devices/system/cpu/cpu3
processes = 4
endif =
if-exists = /sys/devices/system/cpu/cpu15
processes = 8
endif =
thunder-lock = true
harakiri = {program.patience}
die-on-term = true
worker-reload-mercy = 5
no-orphans = true
vacuum = true
# Tokens and their catalogues are long.
buffer-size = 65535
listen = 128
# What was asked stands in HAProxy's log.
disable-logging = true
{more}"""


def _unit(service: Service, program: Program, ini: str) -> str:
    """The unit. It takes the place of Debian's, which would have systemd start a database and a broker beside it."""
    command = ("/usr/bin/uwsgi-core", "--ini", ini) if program.wsgi else program.command
    # A database that doesn't answer is given up while its clients still wait. For these programs alone: a migration
    # that runs with the same configuration may take its time.
    patience = "connect_timeout=3&read_timeout=10&write_timeout=10"
    variables = "".join(
        f"Environment=OS_{section.upper()}__CONNECTION_PARAMETERS={patience}\n" for section in service.databases
    )
    return f"""\
[Unit]
Description=OpenStack {service.name} ({program.unit.removesuffix(".service")}), as Pacemaker says
# Without the defaults systemd doesn't stop it at shutdown on its own account: it would come before Pacemaker, which
# then takes an orderly stop for a failure.
DefaultDependencies=no
# How often it may be started is Pacemaker's to count.
StartLimitIntervalSec=0

[Service]
Type={"notify" if program.wsgi else "exec"}
User={service.runs_as}
Group={service.runs_as}
UMask=0027
WorkingDirectory=/var/lib/{service.project}
RuntimeDirectory={service.project}
RuntimeDirectoryPreserve=yes
{variables}ExecStart={" ".join(command)}
# Whether and where to start again is Pacemaker's decision.
Restart=no
KillMode=mixed
TimeoutStartSec={START_TIMEOUT - 10}
# Ends before the cluster's own patience does, in a kill: a stop that fails costs the node.
TimeoutStopSec={STOP_TIMEOUT // 4}
SendSIGKILL=yes
LimitNOFILE=65535
NoNewPrivileges=yes
"""


def config(settings: Settings, transport: Text = ()) -> Text:
    """The settings as the text of an INI file; `transport` stands at the end of the first section, `[DEFAULT]`."""
    pieces: list[str | Secret] = ["# Written by Quorate from the cluster file.\n"]
    for section, options in settings.items():
        pieces.append(f"\n[{section}]\n")
        for name, value in options.items():
            pieces += [f"{name} = ", *((value,) if isinstance(value, str) else value), "\n"]
        if section == "DEFAULT":
            pieces += transport
    return tuple(pieces)


LOGGING = {"use_stderr": "true", "use_journal": "false"}
"""For `[DEFAULT]`: into the journal, by way of the unit."""

CACHED = "60"
"""Seconds for which a cache is believed."""

BEHIND_FRONT = {"enable_proxy_headers_parsing": "true"}
"""For `[oslo_middleware]`: links lead where the client came from, by TLS."""


def sql(service: str, name: str, cluster: Cluster) -> dict[str, str | Text]:
    """For `[database]`: an address that moves, and connections that are dropped rather than waited for.

    A connection is asked before it is used (oslo.db does so by itself) and used for ten seconds at most. A first
    one isn't tried ten times in a row, which would keep a program busy for minutes: the client's request fails, and
    the next may succeed.
    """
    database = cluster.services.database
    assert database, "the checks of the cluster file let no API be without a database"
    where = f"@{database.vip.ip}:{database.port}/{name}?charset=utf8"
    return {
        "connection": (f"mysql+pymysql://{name}:", Secret(f"sql-{service}"), where),
        "connection_recycle_time": "10",
        "max_pool_size": "2",
        "max_overflow": "8",
        "pool_timeout": "5",
        "max_retries": "0",
        "db_max_retries": "3",
        "db_retry_interval": "1",
    }


def schema(
    service: str, name: str, on: tuple[str, ...], migrate: tuple[str, ...], user: str, *revisions: str
) -> Schema:
    """A database of the service; all of them have the same password."""
    return Schema(name, f"sql-{service}", on, migrate, user, revisions)


def cache(cluster: Cluster) -> dict[str, str | Text]:
    """For `[cache]` (oslo.cache): over all nodes' memcached, any of which may be gone.

    The pool of python-memcached is the one back end that takes a dead server for a missing value, and remembers it
    for all threads: dogpile's pymemcache raises. But not with `memcache_pool_flush_on_reconnect`: it then asks a server
    to forget everything when it connects again, before anything catches that there is no answer. A server that is
    frozen, and whose kernel still accepts, so costs a request without any answer (502 from the front) every half minute
    in each connection; and the late answer is afterwards taken for that to another question.

    So a server that comes back isn't emptied, and may have missed that something was revoked: what it knows is
    believed for `CACHED` seconds at most.
    """
    return {
        "enabled": "true",
        "backend": "oslo_cache.memcache_pool",
        "expiration_time": CACHED,
        "memcache_servers": ",".join(memcached.servers(cluster, tuple(cluster.nodes))),
        "memcache_socket_timeout": "0.25",
        "memcache_dead_retry": "30",
        "memcache_pool_maxsize": str(THREADS),
        "memcache_pool_flush_on_reconnect": "false",
    }


def account(service: str, name: str) -> Account:
    """The service's own user in Identity."""
    return Account(name, f"identity-{service}")


def public_url(port: int, cluster: Cluster) -> str:
    """Where clients find a service: the front's address, which its certificate names."""
    return f"https://{cluster.front.ip}:{port}"


def service_user(service: str, account: str, cluster: Cluster) -> dict[str, str | Text]:
    """How a service says to Identity who it is (keystoneauth's options)."""
    return {
        "auth_type": "password",
        "auth_url": f"{public_url(5000, cluster)}/v3",
        "cafile": CA,
        "region_name": REGION,
        "project_domain_name": "Default",
        "user_domain_name": "Default",
        "project_name": "service",
        "username": account,
        "password": (Secret(f"identity-{service}"),),
    }


def authtoken(service: str, account: str, cluster: Cluster) -> dict[str, str | Text]:
    """For `[keystone_authtoken]`: how a service has its clients' tokens looked at."""
    return service_user(service, account, cluster) | {
        "www_authenticate_uri": public_url(5000, cluster),
        "memcached_servers": ",".join(memcached.servers(cluster, tuple(cluster.nodes))),
        "memcache_pool_dead_retry": "30",
        "memcache_pool_socket_timeout": "1",
        "service_token_roles": "service",
        "service_token_roles_required": "true",
        # A request to Identity in a failover is given up before the client's is.
        "http_connect_timeout": "5",
        "http_request_max_retries": "3",
    }
