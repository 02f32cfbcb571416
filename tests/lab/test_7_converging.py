"""What stands in the way of `apply` on a control plane, and how a change reaches what runs."""

import json

from .conftest import Site
from .test_6_openstack import stock_client

NODES = ("ctl1", "ctl2", "ctl3")


def _database(site: Site) -> str:
    return str(site.json("status", status=None)["active"]["database"])


def test_foreign_keys_a_newer_database_and_a_strange_broker_stop_it_at_once(openstack: Site) -> None:
    database = _database(openstack)
    keys, mark = "/etc/keystone/fernet-keys", "/var/lib/rabbitmq/mnesia/cluster"
    openstack.on("ctl3", "sh", "-c", f"cp -p {keys}/0 /root/key && cat {keys}/1 > {keys}/0")
    openstack.on("ctl2", "sh", "-c", f"cp -p {mark} /root/mark && echo other > {mark}")
    openstack.on(database, "mariadb", "-e", "INSERT INTO glance.alembic_version VALUES ('from_next_year')")
    try:
        for command in ("plan", "apply"):
            refused = openstack.quorate(command, status=1).stderr
            assert "3 things stand in the way" in refused
            assert f"ctl3: {keys} holds 0 (" in refused
            assert "ctl2: RabbitMQ there remembers the cluster 'other', not 'lab'" in refused
            assert "database glance is newer than the release: it has revision from_next_year" in refused
            assert "Nothing was changed" in refused
        refused = openstack.quorate("keys", "rotate", "identity-tokens", status=1).stderr
        assert f"ctl3: {keys} holds 0 (" in refused
        compared = openstack.json("keys", "show", status=1)
        assert compared[0]["hosts"] == {"ctl1": "as it should be", "ctl2": "as it should be", "ctl3": "other keys"}
    finally:
        openstack.on("ctl3", "cp", "-p", "/root/key", f"{keys}/0")
        openstack.on("ctl2", "cp", "-p", "/root/mark", mark)
        openstack.on(database, "mariadb", "-e", "DELETE FROM glance.alembic_version WHERE version_num LIKE 'from%'")
    assert openstack.json("apply")["changed"] is False


def test_a_changed_password_reaches_database_and_service_and_a_changed_my_cnf_waits_for_a_person(
    openstack: Site,
) -> None:
    database, password = _database(openstack), "another-password-of-identity"
    (openstack.state / "secrets" / "sql-identity").write_text(password)
    configuration = "/etc/mysql/mariadb.conf.d/90-quorate.cnf"
    openstack.on(database, "sh", "-c", f"echo '# changed by hand' >> {configuration}")
    result = openstack.json("apply")
    done = json.dumps(result["steps"])
    assert "keystone has an account with another password" in done
    assert "restart identity-api-clone, one host after the other" in done
    assert "restart database" not in done
    [notice] = result["notices"]
    assert f"mariadb.service on {database}" in notice
    again = openstack.json("apply")
    assert (again["changed"], again["notices"]) == (False, [notice])

    openstack.on(database, *notice.rpartition(": ")[2].split())
    assert openstack.json("apply")["notices"] == []
    for node in NODES:
        assert openstack.on(node, "grep", "-c", password, "/etc/keystone/keystone.conf").strip() == "1"
        seen = openstack.on(node, "cibadmin", "--query") + openstack.on(node, "journalctl", "--no-pager", "--boot")
        assert password not in seen


def test_changed_passwords_of_accounts_are_seen_and_set(openstack: Site) -> None:
    """Of Identity's administrator, a service's user, and the account at the brokers: first where each is kept."""
    changed = {
        name: f"another-password-of-{name}" for name in ("identity-admin", "identity-image", "messaging-openstack")
    }
    for name, password in changed.items():
        (openstack.state / "secrets" / name).write_text(password)
    steps = openstack.json("apply")["steps"]
    done = [f"{each['step']} ({each['why']})" for each in steps]
    (admin,) = [line for line in done if "the user admin has another password" in line]
    (user,) = [line for line in done if "account glance has another password" in line]
    (brokers,) = [line for line in done if "set the password of the brokers' account openstack" in line]
    (restart,) = [line for line in done if "restart image-api" in line]
    assert all(done.index(each) < done.index(restart) for each in (admin, user, brokers))
    assert not [line for line in done if "restart messaging" in line], "brokers know their account without a restart"
    assert openstack.json("apply")["changed"] is False
    assert stock_client(openstack, "image", "list") is not None, "clouds.yaml has the new password, and Glance its own"
    for node in NODES:
        seen = openstack.on(node, "cibadmin", "--query") + openstack.on(node, "journalctl", "--no-pager", "--boot")
        assert not [name for name, password in changed.items() if password in seen]


def test_a_service_of_systemd_s_that_was_stopped_is_missed_and_started(openstack: Site) -> None:
    openstack.on("ctl2", "systemctl", "stop", "memcached.service")
    assert openstack.json("status", status=1)["missing"] == ["memcached.service doesn't run on ctl2."]
    assert "memcached.service doesn't run" in json.dumps(openstack.json("apply")["steps"])
    openstack.await_ready()
