"""The front: one address for all API services, and HAProxy on every node, which ends TLS and passes on to who is well.

Every balancer listens on the address, whether its node has it or not (`transparent`, bind(2) to an address that isn't
there). So a takeover moves the address and starts nothing, and a configuration that HAProxy refuses shows on all
nodes at once, not in the next takeover.

How long clients see a server that has failed, by the way in which it fails:

    it refuses      not at all: the request goes to another server, which is safe because nothing was sent yet
    its host is off no error: a request waits `timeout connect` at most, then goes to another server
    it hangs        its requests hang until two checks have timed out, 7 s at most; then they end with an error, and
                    the client decides whether to repeat them. HAProxy doesn't: it can't know what was done.

`leastconn`, because requests differ from milliseconds (a token) to minutes (an image), and because a server that hangs
gathers connections and so gets fewer new ones even before its checks fail. No cookies and no stickiness: every server
can answer everything.
"""

from quorate import node
from quorate.cluster.model import Cluster, Use
from quorate.services.floating_address import floating_address
from quorate.services.links import network_of, where_linked
from quorate.services.parts import (
    Balanced,
    Clone,
    Colocation,
    Constraint,
    File,
    Listener,
    Operation,
    Order,
    Part,
    Primitive,
    Reach,
    Secret,
    Unit,
    join,
)

NAME = "front"
ADDRESS = f"{NAME}-address"
BALANCER = f"{NAME}-balancer"
BALANCERS = f"{BALANCER}-clone"
UNIT = "haproxy.service"

CONFIGURATION = "/etc/quorate/haproxy.cfg"
"""Not Debian's own file: that is a conffile, over which an upgrade of the package would ask questions."""
CERTIFICATE = "/etc/quorate/tls/front.pem"
STATISTICS_PORT = 8404
HEALTH = "/healthz"

START_TIMEOUT, STOP_TIMEOUT = 30, 30
"""Seconds. HAProxy needs well under one for either."""


def blueprint(cluster: Cluster, balanced: tuple[Balanced, ...]) -> Part:
    """The address and the balancers of all nodes, in front of the services in `balanced`."""
    hosts = tuple(cluster.nodes)
    return join(
        [
            _balancers(cluster),
            floating_address(ADDRESS, cluster.front, hosts, cluster),
            Part(
                packages=dict.fromkeys(hosts, ("haproxy",)),
                files={host: _files(host, cluster, balanced) for host in hosts},
                units=dict.fromkeys(hosts, (Unit(UNIT, enabled=False),)),
                constraints=(
                    Colocation(f"{ADDRESS}-with-balancer", ADDRESS, BALANCERS),
                    # Only where both happen anyway, at the start and the stop of a node. A mandatory order would take
                    # the address away whenever its balancer is started again.
                    Order(f"{ADDRESS}-after-balancer", first=BALANCERS, then=ADDRESS, kind="Optional"),
                    *_where_linked(cluster),
                ),
                listeners={host: _listeners(host, cluster, balanced) for host in hosts},
            ),
        ]
    )


def _where_linked(cluster: Cluster) -> tuple[Constraint, ...]:
    """Clients have to reach the address, and its balancer the servers."""
    networks = {each.name: each for each in (network_of(cluster.front, cluster), cluster.networks_for(Use.SSH)[0])}
    return tuple(rule for each in networks.values() for rule in where_linked(ADDRESS, each, cluster))


def _balancers(cluster: Cluster) -> Part:
    balancer = Primitive(
        BALANCER,
        "ocf:quorate:openstack-api",
        # It stands on nothing that could make it late.
        parameters={"unit": UNIT, "url": f"http://127.0.0.1:{STATISTICS_PORT}{HEALTH}", "answer_timeout": "5"},
        operations=(
            Operation("start", timeout=START_TIMEOUT),
            Operation("stop", timeout=STOP_TIMEOUT),
            Operation("monitor", timeout=15, interval=5),
        ),
    )
    return Part(resources=(Clone(BALANCERS, balancer, meta={"interleave": "true"}),))


def _files(host: str, cluster: Cluster, balanced: tuple[Balanced, ...]) -> tuple[File, ...]:
    return (
        File(CERTIFICATE, (Secret("tls-front"),), mode=0o600, restarts=(UNIT,)),
        File(CONFIGURATION, (configuration(host, cluster, balanced),), restarts=(UNIT,)),
        File(f"/etc/systemd/system/{UNIT}.d/quorate.conf", (DROP_IN,)),
        File("/usr/lib/ocf/resource.d/quorate/openstack-api", (node.source("openstack_api"),), mode=0o755),
        File("/usr/lib/ocf/resource.d/quorate/ocf.py", (node.source("ocf"),)),
    )


def _listeners(host: str, cluster: Cluster, balanced: tuple[Balanced, ...]) -> tuple[Listener, ...]:
    internal = str(cluster.internal_address(host))
    return (
        *(Listener(service.port, str(cluster.front.ip), "haproxy", Reach.CLIENTS) for service in balanced),
        Listener(STATISTICS_PORT, internal, "haproxy", Reach.NETWORK),
        Listener(STATISTICS_PORT, "127.0.0.1", "haproxy", Reach.HOST),
    )


def configuration(host: str, cluster: Cluster, balanced: tuple[Balanced, ...]) -> str:
    """haproxy.cfg of HAProxy 2.6 to 3.x (configuration.txt of 3.0): one frontend and one backend a service."""
    services = "".join(_service(service, cluster) for service in balanced)
    return f"{GENERAL}{_statistics(host, cluster)}{services}"


GENERAL = """\
global
    log /dev/log local0 notice
    chroot /var/lib/haproxy
    user haproxy
    group haproxy
    # Bounds the memory: about 60 kB a TLS connection, so 120 MB when all are taken.
    maxconn 2000
    tune.ssl.cachesize 2000
    hard-stop-after 30s
    # Checks of different servers don't fall on the same moment.
    spread-checks 5
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
    # With forward secrecy and authenticated encryption only. (TLS 1.3's ciphers are all of that kind.)
    ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20

defaults
    mode http
    log global
    option httplog
    # Of every request the service itself writes a line; here stand those that failed.
    option dontlog-normal
    option log-health-checks

    # A lost packet costs no more than a try at another server.
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    timeout http-request 10s
    timeout http-keep-alive 10s
    timeout queue 5s
    timeout check 2s

    balance leastconn
    # Connections to the servers aren't kept: one that waits for its next request would hold up one of a service's few
    # workers, and a request over one that the server has just lost could be neither answered nor repeated.
    option http-server-close
    # Only what didn't even reach a server is tried again, and on another one each time.
    retries 3
    retry-on conn-failure
    option redispatch 1

    # A server is left when two checks in a row have failed; two connections in a row that failed bring the next check
    # forward. They don't count as failed checks themselves: the request that tipped the scale would be cut off with
    # the server's others (shutdown-sessions), instead of going to another one.
    default-server check inter 2s fastinter 500ms downinter 2s fall 2 rise 2 observe layer4 error-limit 2 \
on-error fastinter on-marked-down shutdown-sessions
"""


def _statistics(host: str, cluster: Cluster) -> str:
    # `stats admin` isn't set, so that the page can only be read; it has no secrets.
    return f"""
frontend statistics
    bind 127.0.0.1:{STATISTICS_PORT}
    bind {cluster.internal_address(host)}:{STATISTICS_PORT}
    http-request return status 200 content-type text/plain string "ok\\n" if {{ path {HEALTH} }}
    http-request use-service prometheus-exporter if {{ path /metrics }}
    stats enable
    stats uri /
    stats refresh 10s
    stats hide-version
"""


def _service(service: Balanced, cluster: Cluster) -> str:
    servers = "".join(f"    server {host} {address}\n" for host, address in service.servers.items())
    statuses = ",".join(map(str, service.healthy))
    return f"""
frontend {service.name}
    bind {cluster.front.ip}:{service.port} ssl crt {CERTIFICATE} alpn h2,http/1.1 transparent
    # What a service is told about its client comes from here, and not from the client.
    http-request del-header Forwarded
    http-request del-header X-Forwarded-For
    http-request set-header X-Forwarded-Proto https
    option forwardfor
    default_backend {service.name}

backend {service.name}
    # Asked as by a client: some services answer 400 to a host that they don't know.
    option httpchk
    http-check send meth GET uri {service.check} ver HTTP/1.1 hdr Host {cluster.front.ip}:{service.port} \
hdr X-Forwarded-Proto https
    http-check expect status {statuses}
{servers}"""


DROP_IN = f"""\
[Unit]
# Pacemaker starts and stops this unit. Without the defaults systemd doesn't stop it at shutdown on its own account:
# it would come before Pacemaker, which then takes an orderly stop for a failure.
DefaultDependencies=no
# How often it may be started is Pacemaker's to count.
StartLimitIntervalSec=0

[Service]
EnvironmentFile=
Environment=CONFIG={CONFIGURATION}
# Whether and where to start again is Pacemaker's decision.
Restart=no
TimeoutStartSec={START_TIMEOUT - 10}
# A balancer that is stopped (SIGSTOP) ends by a kill, before the cluster's own patience does.
TimeoutStopSec=5
SendSIGKILL=yes
"""
