"""Programs that run on the nodes. Standard library only; nothing else of this project is there.

    fence_peer    what DRBD asks before a node writes without its peer
    mariadb       resource agent: MariaDB, which must answer and not merely exist
    openstack_api resource agent: an OpenStack API, which must answer by HTTP
    rabbitmq      resource agent: a RabbitMQ broker, likewise
    backing_disk  resource agent: the disk beneath a volume, which must answer
    links         resource agent: which networks a node still reaches
    firewall      loads the node's firewall
    ocf           the little engine that agents stand on
    ipmitool.sh   ipmitool with its password taken from a file
    inspect       one look at a host
    logins        tries accounts at the services of a host
    impostor      a drill's: takes the place of a service that hangs, or answers errors
    disk          a drill's: makes a volume bad, and good again
    clock         a drill's: sets the clock wrong, and right again
    survey        one look at a host of a cluster that others built, for `quorate check`
    evidence      what explains a failed drill

Each starts in the middle of an outage, on a machine where a process is dear: import little.
"""

from importlib import resources


def source(name: str) -> str:
    """The text of a program: a module's name, or a file's where it is no module."""
    file = name if "." in name else f"{name}.py"
    return resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
