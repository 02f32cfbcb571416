"""OpenStack on the cluster: what clients use, and what nobody else may."""

import json

from quorate.cluster.loading import load
from quorate.design import work_out
from quorate.live.listening import COMMAND, compare

from .conftest import Site


def test_nothing_listens_that_the_design_does_not_list(site: Site) -> None:
    design = work_out(load(site.file.read_bytes(), str(site.file)))
    for name, host in design.hosts.items():
        shown = json.loads(site.on(name, "ip", "-json", "-4", "address"))
        addresses = {address["local"] for interface in shown for address in interface["addr_info"]}
        difference = compare(site.on(name, *COMMAND), host.listeners, addresses)
        assert not difference.unexpected, f"{name}: {', '.join(map(str, difference.unexpected))}"
        assert not difference.missing, f"{name}: {difference.missing}"


def test_the_firewall_is_loaded_on_every_node(site: Site) -> None:
    design = work_out(load(site.file.read_bytes(), str(site.file)))
    for name in design.hosts:
        assert "table inet quorate" in site.on(name, "nft", "list", "tables")
        # Debian's own firewall begins and ends with `flush ruleset`: ours is there again after it.
        for verb in ("start", "reload", "restart", "stop"):
            site.on(name, "systemctl", verb, "nftables.service")
            assert "table inet quorate" in site.on(name, "nft", "list", "tables"), verb
