"""A twin differs from its site in what the lab can't have, and in nothing else."""

from pathlib import Path

import pytest

from quorate.cluster.facility import Facility
from quorate.cluster.loading import load
from quorate.cluster.model import Image
from quorate.cluster.twin import twin
from quorate.errors import InputError

EXAMPLES = Path(__file__).parents[3] / "examples"

SITE = """\
# Ours.
cluster: atlas
facility:
  feeds: {feed-a: , feed-b: }
networks:
  management: {cidr: 192.0.2.0/24, uses: [ssh, ring, api]}
  storage: {cidr: 10.22.0.0/24, uses: [ring, replication], link: infiniband}
nodes:
  ctl1: {power: [feed-a], data: /dev/disk/by-id/nvme-1, bmc: {ipmi: 10.9.1.7, power: [feed-b]}}
  ctl2: {power: [feed-b], data: /dev/disk/by-id/nvme-2, bmc: {ipmi: 10.9.2.7}}
  ctl3: {bmc: {ipmi: 10.9.3.7}} # no data of its own
services:
  database: {on: [ctl1, ctl2], size: 50GiB, vip: 192.0.2.77}
  identity:
  image: {store: {rbd: {pool: images}}}
"""


@pytest.mark.parametrize("example", ["lab-site.yaml", "lab.yaml", "database.yaml"])
def test_what_fits_the_lab_is_its_own_twin(example: str) -> None:
    text = (EXAMPLES / example).read_bytes()
    made = twin(text, example)
    assert made.changes == ()
    assert made.text.encode() == text


def test_what_the_lab_cannot_have_is_taken_out_and_said() -> None:
    made = twin(SITE.encode(), "atlas.yaml")
    site, other = load(SITE.encode(), "atlas.yaml"), load(made.text.encode(), "atlas.twin.yaml")
    assert {node.data for node in other.nodes.values()} == {"/dev/disk/by-partlabel/quorate-data"}
    assert [str(node.bmc.ipmi) for node in other.nodes.values()] == ["10.29.0.11", "10.29.0.12", "10.29.0.13"]
    assert other.networks["storage"].link == "ethernet"
    assert other.services.database and site.services.database
    assert other.services.database == site.services.database.model_copy(update={"size": 1 << 30})
    assert isinstance(other.services.image, Image)
    assert other.services.image.store.kind == "drbd"
    assert other.facility == site.facility != Facility()
    assert other.nodes["ctl1"].power == site.nodes["ctl1"].power
    assert other.nodes["ctl1"].bmc.power == site.nodes["ctl1"].bmc.power
    assert "# Ours." in made.text
    assert len(made.changes) == 8  # two disks, three BMCs, a link, a size, a store
    assert all(f"# - {change}" in made.text for change in made.changes)
    assert twin(made.text.encode(), "atlas.twin.yaml").changes == ()


@pytest.mark.parametrize("example", ["two-rooms.yaml", "two-rooms-mistakes.yaml"])
def test_the_topology_is_what_it_was(example: str) -> None:
    text = (EXAMPLES / example).read_bytes()
    made = twin(text, example)
    site, other = load(text, example), load(made.text.encode(), example)
    assert other.facility == site.facility
    assert {name: node.links for name, node in other.nodes.items()} == {
        name: node.links for name, node in site.nodes.items()
    }
    assert other.waivers == site.waivers
    assert made.changes


def test_a_site_can_be_too_large() -> None:
    text = f"cluster: large\nnodes: [{', '.join(f'n{number}' for number in range(6))}]\nservices: {{database: }}\n"
    with pytest.raises(InputError, match="6 nodes"):
        twin(text.encode(), "large.yaml")
