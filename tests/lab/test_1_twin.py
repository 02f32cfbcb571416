"""A twin of a site is broken by the names of its parts, and healed."""

from collections.abc import Iterator

import pytest

from .conftest import Site


@pytest.fixture
def whole(bare_site: Site) -> Iterator[Site]:
    """The lab, and nothing left broken in it."""
    yield bare_site
    bare_site.quorate("lab", "heal", status=None)


def machines(site: Site) -> dict[str, tuple[str, bool, set[str]]]:
    """By machine: its condition, whether its BMC answers, and what it is cut off from."""
    return {m["name"]: (m["condition"], m["bmc"], set(m["cut"])) for m in site.json("lab", "status", status=None)}


def reaches(site: Site, node: str, address: str) -> bool:
    """Whether a node reaches an address. The kernel's own answer: nothing else is on a bare machine."""
    program = f"exec 3<>/dev/tcp/{address}/22"
    return "answered" in site.on(node, "timeout", "3", "bash", "-c", f"{program} && echo answered", check=False)


def test_parts_fail_with_all_that_hangs_on_them_and_come_back(whole: Site) -> None:
    assert reaches(whole, "ctl1", "10.22.0.12")
    whole.quorate("lab", "fail", "ctl3", "storage")
    assert machines(whole) == {
        "ctl1": ("running", True, {"storage"}),
        "ctl2": ("running", True, {"storage"}),
        "ctl3": ("without power", True, {"storage"}),
    }
    assert not reaches(whole, "ctl1", "10.22.0.12")
    assert reaches(whole, "ctl1", "10.20.0.12")
    refused = whole.quorate("lab", "power", "on", "ctl3", status=1)
    assert "no power" in refused.stderr

    whole.quorate("lab", "heal", "storage")
    assert reaches(whole, "ctl1", "10.22.0.12")
    assert machines(whole)["ctl3"] == ("without power", True, set())
    whole.quorate("lab", "fail", "bmc-network")
    assert not any(bmc for _, bmc, _ in machines(whole).values())
    whole.quorate("lab", "heal")
    assert machines(whole) == dict.fromkeys(("ctl1", "ctl2", "ctl3"), ("running", True, set()))
    whole.quorate("lab", "up", "--bare")  # waits until all of them answer


def test_a_part_that_is_none_is_bad_input_and_breaks_nothing(whole: Site) -> None:
    assert "storage" in whole.quorate("lab", "fail", "ctl1", "storag", status=2).stderr
    assert "has not failed" in whole.quorate("lab", "heal", "ctl1", status=2).stderr
    assert {condition for condition, _, _ in machines(whole).values()} == {"running"}
