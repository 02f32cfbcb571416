"""What API services need beyond their files: in a settled view nothing differs, and each deviation is found."""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping

import pytest

from quorate.cluster.keyring import KeyRing
from quorate.cluster.loading import load
from quorate.cluster.model import Cluster
from quorate.converge import databases, obstacles, plan, restarts, steps
from quorate.converge.brokers import SetPassword
from quorate.converge.databases import PLUGIN, MakeCell, Migrate, password_hash
from quorate.converge.identity import INTERFACES, PROJECT
from quorate.converge.step import Phase, Step
from quorate.design import work_out
from quorate.design.model import Design
from quorate.hosts.inspection import FileSeen, KeysSeen, RevisionsSeen, Said, Seen, SqlSeen, UnitSeen
from quorate.services import image, messaging
from quorate.services.openstack import REGION

from .settled import MONITOR

FILE = b"cluster: lab\nnodes: [ctl1, ctl2, ctl3]\nservices: {database: , messaging: , identity: , image: }\n"
CLUSTER: Cluster = load(FILE, "lab.yaml")
DESIGN: Design = work_out(CLUSTER)
RING = KeyRing.new()
BEGUN, WRITTEN, STARTED, LATER = 1.0, 2.0, 3.0, 4.0
"""Moments: a file is written, then its unit started."""
OWN_PHASES = (Phase.SCHEMAS, Phase.MIGRATIONS, Phase.IDENTITY, Phase.CATALOGUE, Phase.RESTARTS)


def secret(name: str) -> bytes:
    return RING.render() if name.startswith("keys-") else f"the secret {name}".encode()


STEPS: tuple[Step, ...] = steps(DESIGN, secret)


def settled() -> dict[str, Seen]:
    sql = SqlSeen(
        databases=frozenset(schema.name for schema in DESIGN.schemas),
        accounts={schema.name: (PLUGIN, password_hash(secret(schema.secret))) for schema in DESIGN.schemas},
        grants=frozenset((schema.name, schema.name) for schema in DESIGN.schemas),
        revisions={schema.name: frozenset({"latest"}) for schema in DESIGN.schemas},
        regions=frozenset({REGION}),
        services={each.name: (each.type, each.name, True) for each in DESIGN.endpoints},
        endpoints=frozenset(
            (each.name, interface, REGION, each.url) for each in DESIGN.endpoints for interface in INTERFACES
        ),
        projects=frozenset({"admin", PROJECT}),
        roles=frozenset(
            {("admin", "admin", "admin")}
            | {(account.name, PROJECT, role) for account in DESIGN.accounts for role in account.roles}
        ),
    )
    return {name: _host(name, sql if name == "ctl1" else None) for name in DESIGN.hosts}


def _host(name: str, sql: SqlSeen | None) -> Seen:
    host = DESIGN.hosts[name]
    folders = [folder for schema in DESIGN.schemas for folder in schema.revisions]
    keys = {number: FileSeen(hash_, 0o400, "keystone", "keystone") for number, hash_ in RING.hashes().items()}
    return Seen(
        name,
        files={file.path: FileSeen("", file.mode, file.owner, file.group, WRITTEN) for file in host.files},
        units={unit.name: UnitSeen("loaded", "enabled", "active", False, STARTED, LATER) for unit in host.units},
        said={"crm_mon": Said(0, MONITOR, "")},
        sql=sql,
        revisions=dict.fromkeys(folders, RevisionsSeen(frozenset({"first", "latest"}), frozenset({"first"}))),
        keys={each.path: KeysSeen(0o700, "keystone", "keystone", keys) for each in DESIGN.keys},
    )


def due(view: Mapping[str, Seen]) -> list[str]:
    """Of the phases that are about API services, the differing steps."""
    return [
        f"{each.step.host or 'cluster'}: {each.step.title} ({each.why})"
        for phase in OWN_PHASES
        for each in plan.differing(STEPS, view, phase)
    ]


def with_sql(**changes: object) -> dict[str, Seen]:
    view = settled()
    assert view["ctl1"].sql
    return {**view, "ctl1": dataclasses.replace(view["ctl1"], sql=dataclasses.replace(view["ctl1"].sql, **changes))}  # type: ignore[arg-type]


def with_file(host: str, path: str, written: float) -> dict[str, Seen]:
    view = settled()
    found = view[host].files[path]
    assert found
    files = {**view[host].files, path: dataclasses.replace(found, written=written)}
    return {**view, host: dataclasses.replace(view[host], files=files)}


def test_in_a_settled_view_nothing_differs() -> None:
    assert due(settled()) == []
    assert restarts.notices(DESIGN, settled()) == []


def test_a_password_is_compared_as_the_server_keeps_it() -> None:
    # SELECT PASSWORD('123456'), MariaDB 11.8
    assert password_hash(b"123456") == "*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9"


SCHEMAS = "cluster: make databases and their accounts"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"databases": frozenset({"keystone"})}, f"{SCHEMAS} (glance isn't there)"),
        ({"accounts": {}}, f"{SCHEMAS} (keystone has no account; glance has no account)"),
        ({"grants": frozenset({("glance", "glance")})}, f"{SCHEMAS} (keystone may not be used by its account)"),
        ({"revisions": {}}, "ctl1: migrate keystone: keystone-manage db_sync (it holds nothing yet)"),
        (
            {"revisions": {"keystone": frozenset({"latest"}), "glance": frozenset({"first"})}},
            "ctl2: migrate glance: glance-manage db_sync (it is at first, the release at latest)",
        ),
        ({"regions": frozenset()}, "ctl1: bootstrap Identity: the region, and the user admin (there is no region"),
        ({"roles": frozenset()}, "there is no user admin with its role"),
        ({"roles": frozenset({("admin", "admin", "admin")})}, "(not registered: account glance)"),
        ({"services": {}}, "(not registered: service keystone, service glance)"),
        ({"error": "ERROR 2002"}, f"{SCHEMAS} (the database can't be asked (ctl1: ERROR 2002))"),
    ],
)
def test_each_deviation_in_sql_is_found(changes: dict[str, object], expected: str) -> None:
    assert expected in "\n".join(due(with_sql(**changes)))


def test_an_account_with_another_password_is_found() -> None:
    accounts = {schema.name: (PLUGIN, password_hash(b"other")) for schema in DESIGN.schemas}
    assert "glance has an account with another password" in due(with_sql(accounts=accounts))[0]


def with_logins(host: str, **answers: bool) -> dict[str, Seen]:
    view, service = settled(), {"openstack": "messaging"}
    logins = {(service.get(name, "identity"), name): answer for name, answer in answers.items()}
    return {**view, host: dataclasses.replace(view[host], logins=logins)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("admin", "ctl1: bootstrap Identity: the region, and the user admin (the user admin has another password)"),
        ("glance", "cluster: register services and their accounts (account glance has another password)"),
        ("openstack", "cluster: set the password of the brokers' account openstack (refused on {})"),
    ],
)
def test_a_service_that_refuses_an_account_s_password_is_told_it(name: str, expected: str) -> None:
    asked = [host for host in DESIGN.hosts if name in {each.name for each in plan.asks(CLUSTER, STEPS)[host].logins}]
    assert len(asked) == (3 if name == "openstack" else 1), "Identity takes a quarter of a second for each"
    for host in asked:
        assert due(with_logins(host, **{name: False})) == [expected.format(host)]
        assert due(with_logins(host, **{name: True})) == []
    assert due(with_logins(next(host for host in DESIGN.hosts if host != asked[0]), other=False)) == []


def test_passwords_are_set_before_anything_that_uses_them_is_restarted() -> None:
    phases = list(Phase)
    of = {type(step).__name__: step.phase for step in STEPS}
    restarted = {step.managed.unit: step.phase for step in STEPS if isinstance(step, restarts.RestartManaged)}
    for step in ("CreateSchemas", "BootstrapIdentity", "SetPassword", "Register"):
        assert phases.index(of[step]) < phases.index(restarted["glance-api.service"])
    assert phases.index(restarted["keystone.service"]) < phases.index(of["Register"]), "by it the others are set"


def test_a_broker_is_told_its_password_by_stdin_alone() -> None:
    [step] = [each for each in STEPS if isinstance(each, SetPassword)]
    hosts = Recorder()
    asyncio.run(step.do(hosts, with_logins("ctl2", openstack=False), lambda _line: None))  # type: ignore[arg-type]
    # Three words or more, and rabbitmqctl wouldn't read its input.
    command = ("rabbitmqctl", "change_password", "openstack")
    assert hosts.ran == [(("ctl2",), None), (command, "the secret messaging-openstack\n")]


def test_without_a_database_all_that_stands_in_it_waits_for_one() -> None:
    view = {name: dataclasses.replace(seen, sql=None) for name, seen in settled().items()}
    found = due(view)
    assert len(found) == 5
    assert all("no database serves yet" in line for line in found)


def test_a_database_that_is_newer_than_the_release_is_an_obstacle() -> None:
    view = with_sql(revisions={"keystone": frozenset({"latest"}), "glance": frozenset({"from next year"})})
    migrations = [step for step in STEPS if isinstance(step, Migrate)]
    [found] = databases.obstacles(migrations, view)
    assert "database glance is newer than the release: it has revision from next year" in found.what
    assert list(databases.obstacles(migrations, settled())) == []


def test_migrations_of_different_services_run_on_different_hosts() -> None:
    assert len({step.host for step in STEPS if isinstance(step, Migrate)}) == len(DESIGN.schemas)


class Recorder:
    """Stands for a connected host: keeps what it is to run."""

    def __init__(self) -> None:
        self.ran: list[tuple[tuple[str, ...], object]] = []

    async def host(self, name: str) -> "Recorder":
        self.ran.append(((name,), None))
        return self

    async def run(self, *argv: str, input: object = None, **_: object) -> None:  # noqa: A002
        self.ran.append((argv, input))


COMPUTE = load(FILE.replace(b"image: ", b"image: , placement: , network: , compute: "), "lab.yaml")


def test_nova_s_cells_are_made_known_between_the_migrations_that_they_need() -> None:
    of_nova = [each for each in steps(work_out(COMPUTE), secret) if "nova" in each.title and each.phase in OWN_PHASES]
    assert len({each.host for each in of_nova}) == 1, "on one host they follow each other"
    assert [each.title for each in of_nova] == [
        "migrate nova_api: nova-manage api_db sync",
        "make cell0 known to nova_api",
        "migrate nova_cell0: nova-manage db sync",
        "make cell1 known to nova_api",
        "migrate nova: nova-manage db sync --local_cell",
    ]


def test_a_cell_that_is_known_by_another_address_is_corrected() -> None:
    [zero, one] = [each for each in steps(work_out(COMPUTE), secret) if isinstance(each, MakeCell)]
    assert (
        one.cell.transport
        == "{scheme}://"
        + ",".join(f"{{username{n}}}:{{password{n}}}@{{hostname{n}}}:{{port{n}}}" for n in (1, 2, 3))
        + "/{path}"
    )
    assert one.differs(settled()) == "it isn't known"
    known = {("nova_api", each.cell.name): ("id", each.cell.database, each.cell.transport) for each in (zero, one)}
    assert [each.differs(with_sql(cells=known)) for each in (zero, one)] == [None, None]
    fewer = {**known, ("nova_api", "cell1"): ("id", one.cell.database, "rabbit://openstack:*@10.20.0.11:5671/")}
    assert [each.differs(with_sql(cells=fewer)) for each in (zero, one)] == [None, "it has another address"]


def test_what_read_no_cells_or_found_no_tables_starts_again() -> None:
    found = [each for each in steps(work_out(COMPUTE), secret) if isinstance(each, (MakeCell, Migrate))]
    [one] = [each for each in found if isinstance(each, MakeCell) and each.cell.name == "cell1"]
    hosts = Recorder()
    asyncio.run(one.do(hosts, settled(), lambda _line: None))  # type: ignore[arg-type]
    ran = [" ".join(argv[:3]) for argv, _ in hosts.ran if len(argv) > 1]
    touched = ["touch --no-create --"] * 3
    assert ran == [*touched, "nova-manage cell_v2 create_cell", *touched], "on each host, whoever is interrupted when"
    assert {argv[-1] for argv, _ in hosts.ran if argv[0] == "touch"} == {"/etc/nova/nova.conf"}

    [last] = [each for each in found if isinstance(each, Migrate) and each.schema.name == "nova"]
    hosts = Recorder()
    asyncio.run(last.do(hosts, settled(), lambda _line: None))  # type: ignore[arg-type]
    assert [argv[-1] for argv, _ in hosts.ran[1:]] == [
        "--local_cell",
        "compute-conductor-clone",
        "compute-scheduler-clone",
    ]
    assert [each.schema.resources for each in found if isinstance(each, Migrate) and each.schema.name == "glance"] == [
        ()
    ]


KEYSTONE, HAPROXY = "/etc/keystone/keystone.conf", "/etc/quorate/haproxy.cfg"


def test_a_clone_with_old_files_is_restarted_and_no_other() -> None:
    found = due(with_file("ctl2", KEYSTONE, LATER))
    assert found == [
        "cluster: restart identity-api-clone, one host after the other "
        "(files have changed on ctl2 since it was started)"
    ]


LEFT = (
    '<cib><configuration><constraints><rsc_location id="cli-ban-identity-api-clone-on-ctl3" rsc="identity-api-clone">'
    '<rule id="r" score="-INFINITY">{}</rule></rsc_location></constraints></configuration></cib>'
)


@pytest.mark.parametrize(
    ("lifetime", "expected"),
    [
        ('<date_expression id="e" operation="lt" end="2026-11-23 01:00:00Z"/>', ["an earlier restart on ctl3"]),
        ("", []),
    ],
)
def test_an_interrupted_restart_is_ended_and_a_person_s_ban_is_left(lifetime: str, expected: list[str]) -> None:
    view = settled()
    cib = Said(0, LEFT.format(lifetime), "")
    told = {**view, "ctl2": dataclasses.replace(view["ctl2"], said={**view["ctl2"].said, "cib": cib})}
    found = due(told)
    assert len(found) == len(expected)
    assert all(why in line for why, line in zip(expected, found, strict=True))


def test_the_balancer_is_reloaded_and_a_reload_is_seen() -> None:
    assert due(with_file("ctl3", HAPROXY, LATER + 1)) == [
        "cluster: let haproxy.service read its changed files (changed on ctl3)"
    ]
    assert due(with_file("ctl3", HAPROXY, LATER)) == [], "it was reloaded after it had been started"


def test_a_single_resource_is_left_to_a_person() -> None:
    view = with_file("ctl1", "/etc/mysql/mariadb.conf.d/90-quorate.cnf", LATER)
    assert due(view) == []
    [notice] = restarts.notices(DESIGN, view)
    assert "mariadb.service on ctl1" in notice
    assert "crm_resource --restart --resource database-mariadb" in notice


def test_what_does_not_run_has_nothing_to_read() -> None:
    view = with_file("ctl2", KEYSTONE, LATER)
    stopped = dataclasses.replace(view["ctl2"].units["keystone.service"], active="inactive")
    units = {**view["ctl2"].units, "keystone.service": stopped}
    assert due({**view, "ctl2": dataclasses.replace(view["ctl2"], units=units)}) == []


def unit(change: Callable[[UnitSeen], UnitSeen]) -> dict[str, Seen]:
    view = settled()
    units = {**view["ctl1"].units, "memcached.service": change(view["ctl1"].units["memcached.service"])}
    return {**view, "ctl1": dataclasses.replace(view["ctl1"], units=units)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda seen: seen, None),
        (lambda seen: dataclasses.replace(seen, active="failed"), "memcached.service doesn't run"),
        (
            lambda seen: dataclasses.replace(seen, started=BEGUN),
            "memcached.service has yet to read /etc/systemd/system/memcached.service.d/quorate.conf",
        ),
    ],
)
def test_units_that_systemd_runs(change: Callable[[UnitSeen], UnitSeen], expected: str | None) -> None:
    [step] = [each for each in STEPS if each.host == "ctl1" and each.title == "start what systemd runs"]
    assert step.differs(unit(change)) == expected


@pytest.mark.parametrize(
    ("mark", "features", "expected"),
    [
        (None, False, None),
        ("lab\n", True, None),
        ("other\n", True, "RabbitMQ there remembers the cluster 'other', not 'lab'"),
        (None, True, "RabbitMQ there remembers a cluster that Quorate didn't make, not 'lab'"),
    ],
)
def test_a_broker_that_remembers_another_cluster(mark: str | None, features: bool, expected: str | None) -> None:
    broker = CLUSTER.services.messaging
    assert broker
    begun = {messaging.features_path(broker, "ctl2"): FileSeen("", 0o600, "rabbitmq", "rabbitmq")} if features else {}
    seen = settled()["ctl2"]
    texts = {messaging.MARK: mark} if mark else {}
    view = {**settled(), "ctl2": dataclasses.replace(seen, texts=texts, files={**seen.files, **begun})}
    found = [each.what for each in obstacles.find(CLUSTER, DESIGN, view) if "RabbitMQ" in each.what]
    assert found == ([expected] if expected else [])


def test_secrets_stand_in_no_step_s_repr() -> None:
    for step in STEPS:
        assert "the secret" not in repr(step)
        assert RING.keys[0] not in repr(step)


NFS = load(FILE.replace(b"image: ", b"image: {store: {nfs: {export: 'nas:/images'}}}"), "lab.yaml")
FAILED = (
    '<pacemaker-result><failures><failure op_key="image-filesystem_start_0" node="{}"/></failures></pacemaker-result>'
)


@pytest.mark.parametrize(
    ("node", "mounted", "count"),
    [("ctl2", "", 1), ("ctl2", "nfs4", 0), ("ctl3", "", 0)],
    ids=["it couldn't be mounted", "it is by now", "it was another node"],
)
def test_a_shared_store_that_is_not_mounted(node: str, mounted: str, count: int) -> None:
    design = work_out(NFS)
    seen = dataclasses.replace(
        settled()["ctl2"], mounted={image.MOUNT: mounted}, said={"crm_mon": Said(0, FAILED.format(node), "")}
    )
    found = [each for each in obstacles.find(NFS, design, {**settled(), "ctl2": seen}) if image.MOUNT in each.what]
    assert len(found) == count
    assert all("nas:/images, isn't mounted" in each.what and each.host == "ctl2" for each in found)
    assert image.MOUNT in plan.asks(NFS, STEPS)["ctl2"].mountpoints


@pytest.mark.parametrize(("elsewhere", "count"), [("", 1), ("ext4", 0)], ids=["nowhere", "on the other host"])
def test_a_volume_of_images_that_is_mounted_nowhere(elsewhere: str, count: int) -> None:
    view = settled()
    monitor = {"crm_mon": Said(0, FAILED.format("ctl2"), "")}
    view["ctl1"] = dataclasses.replace(view["ctl1"], mounted={image.MOUNT: elsewhere})
    view["ctl2"] = dataclasses.replace(view["ctl2"], mounted={image.MOUNT: ""}, said=monitor)
    found = [each for each in obstacles.find(CLUSTER, DESIGN, view) if image.MOUNT in each.what]
    assert [each.host for each in found] == ["ctl2"] * count
    assert all(each.todo.endswith("crm_resource --cleanup --resource image-filesystem") for each in found)
    assert image.MOUNT in plan.asks(CLUSTER, STEPS)["ctl1"].mountpoints
