"""What stands in the way of `apply` on a control plane, and how a change reaches what runs."""

import json

from .conftest import Site

NODES = ("ctl1", "ctl2", "ctl3")


def _database(site: Site) -> str:
    return str(site.json("status")["active"]["database"])


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


def test_a_service_of_systemd_s_is_started_and_a_lost_registration_is_made_again(openstack: Site) -> None:
    openstack.on("ctl2", "systemctl", "stop", "memcached.service")
    missing = openstack.json("status", status=1)["missing"]
    assert missing == ["memcached.service doesn't run on ctl2."]
    openstack.on(_database(openstack), "mariadb", "-e", "DELETE FROM keystone.endpoint")
    done = json.dumps(openstack.json("apply")["steps"])
    assert "memcached.service doesn't run" in done
    assert "not registered: service keystone" in done
    assert openstack.json("apply")["changed"] is False
