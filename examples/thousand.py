"""A site of a thousand machines, as a cluster file: `python examples/thousand.py > thousand.yaml`.

Three controllers in three rooms, and 997 hypervisors in fifty racks, of which 950 are needed. Every rack has a PDU on
each of two feeds and two switches, and every switch hangs on two of four spines. `bench/check.py` measures with it.
"""

RACKS, MACHINES, NEEDED = 50, 997, 950
ROOMS = ("east", "west", "north")


def text() -> str:
    """The whole file."""
    return "\n".join([*_head(), *_facility(), *_nodes(), ""])


def _head() -> list[str]:
    return [
        "cluster: thousand",
        "services: {database: , messaging: , identity: , image: }",
        "objectives: {default: {downtime: 30s, lost_writes: 0}}",
        "networks:",
        "  management: {cidr: 10.20.0.0/22, uses: [ssh, ring, api], gateway: [edge-1, edge-2]}",
        "  storage: {cidr: 10.24.0.0/22, uses: [ring, replication]}",
    ]


def _facility() -> list[str]:
    machines = [f"hv{number:03}" for number in range(1, MACHINES + 1)]
    lines = ["facility:", "  feeds: {feed-a: {ups: ups-a}, feed-b: {ups: ups-b}}", "  zones:"]
    lines += [f"    {room}: {{cooling: [{room}-1, {room}-2]}}" for room in ROOMS]
    lines.append("  racks:")
    for rack in range(RACKS):
        pdus = ", ".join(f"r{rack:02}-{side}: feed-{side}" for side in "ab")
        lines.append(f"    r{rack:02}: {{zone: {ROOMS[rack % 3]}, pdus: {{{pdus}}}}}")
    lines.append("  switches:")
    lines += [f"    spine-{number}: {{rack: r{number:02}, power: {_pdus(number)}}}" for number in range(4)]
    for rack in range(RACKS):
        for side, spines in (("a", "spine-0, spine-1"), ("b", "spine-2, spine-3")):
            lines.append(f"    sw{rack:02}-{side}: {{rack: r{rack:02}, power: {_pdus(rack)}, via: [{spines}]}}")
    lines.append("  routers:")
    for number in (1, 2):
        lines.append(f"    edge-{number}: {{rack: r0{number}, power: {_pdus(number)}, uplinks: [carrier-{number}]}}")
    lines.append("  machines:")
    for number, machine in enumerate(machines):
        rack = number % RACKS
        lines.append(f"    {machine}: {{rack: r{rack:02}, power: {_pdus(rack)}, via: {_switches(rack)}}}")
    return [*lines, f"  goals: {{capacity: {{{NEEDED} of: [{', '.join(machines)}]}}}}"]


def _nodes() -> list[str]:
    lines = ["nodes:"]
    for rack in range(3):
        lines += [f"  ctl{rack + 1}:", f"    rack: r{rack:02}", f"    power: {_pdus(rack)}", "    links:"]
        for network, function in (("management", 0), ("storage", 1)):
            nics = f"[ens1f{function}, ens2f{function}]"
            lines.append(f"      {network}: {{nic: {nics}, via: {_switches(rack)}}}")
        lines.append(f"    bmc: {{via: [sw{rack + 3:02}-a]}}")
    return lines


def _pdus(rack: int) -> str:
    return f"[r{rack:02}-a, r{rack:02}-b]"


def _switches(rack: int) -> str:
    return f"[sw{rack:02}-a, sw{rack:02}-b]"


if __name__ == "__main__":
    print(text(), end="")
