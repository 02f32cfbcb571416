"""Image: Glance, and where its images are.

With the store `drbd` they are on a volume of their own, and Glance serves on the node that has it mounted. It runs on
both, though: what moves in a takeover is the file system, and Glance has but to look (`quorate.node.image_api`). So
nothing binds the program to the volume, and the front finds out who serves by asking.

Glance says that an image is there once it has written it, and never has it flushed (glance_store's file system driver
knows no fsync). The volume is mounted `sync`: what is written is on both disks, or not acknowledged.

With the stores `nfs`, `rbd`, `s3` and `swift` the images are elsewhere, and Glance serves on every node. The store's
options are Glance's own; only NFS has two of ours, `export` (SERVER:/PATH) and `mount_options`.

An NFS export is mounted by Pacemaker on every node, by NFS 4: that needs no port mapper, which would listen for the
whole world. Glance makes its folders there, as the user 64062, which Debian gives it on every host: on the server the
export's root has to be this user's. What Glance has written is flushed to the server's disk when it closes the file,
before it says so (nfs(5), "Close-to-open cache consistency"). `hard`: a server that is away is waited for, and nothing
that was promised is dropped.
"""

from dataclasses import replace

from quorate import node
from quorate.cluster.model import Cluster, Image, Use
from quorate.services import openstack
from quorate.services.links import where_linked
from quorate.services.only_on import only_on
from quorate.services.openstack import Program, Service, Settings
from quorate.services.parts import Clone, Endpoint, File, Operation, Part, Primitive, Unit, Volume, join
from quorate.services.replicated_filesystem import PROMOTED, clone_id, filesystem_id, replicated_filesystem

NAME = "image"
PORT = 9292
MOUNT = "/var/lib/quorate/image"
"""Where a store that is a file system is mounted. Beneath it, the folder is root's: nothing can be written there."""
ENTRY = "/usr/lib/quorate/image_api.py"
API = "image-api-clone"

TYPES = {"drbd": "file", "nfs": "file", "rbd": "rbd", "s3": "s3", "swift": "swift"}
"""By kind of store: what glance_store calls it."""
PORT_MAPPER = (Unit("rpcbind.socket", enabled=False), Unit("rpcbind.service", enabled=False))
"""Comes with NFS's client, and is for NFS 3."""
CLIENTS = {"nfs": ("nfs-common",), "rbd": ("python3-rbd", "ceph-common"), "s3": ("python3-boto3",)}
"""By kind of store: the packages that it needs."""


def blueprint(image: Image, cluster: Cluster) -> Part:
    """Glance on the nodes of `on`, and its volume if it has one."""
    service = _service(image, cluster)
    match image.store.kind:
        case "drbd":
            data = volume(image, cluster)
            # The front reaches it on the nodes' own network.
            linked = where_linked(clone_id(NAME), cluster.networks_for(Use.SSH)[0], cluster, role=PROMOTED)
            beneath = join([replicated_filesystem(data, cluster), Part(constraints=linked)])
            service = replace(
                service,
                active_resource=filesystem_id(NAME),
                volume=NAME,
                volume_resources=(clone_id(NAME), filesystem_id(NAME)),
            )
        case "nfs":
            beneath = _shared_filesystem(image, cluster)
            service = replace(service, volume_resources=(f"{filesystem_id(NAME)}-clone",))
        case _:
            beneath = Part()
    return join([beneath, openstack.blueprint(service, image.on, cluster)])


def volume(image: Image, cluster: Cluster) -> Volume:
    """Where the images live: the third volume of a cluster, whether or not there is a second."""
    assert image.size, "the defaults give the store `drbd` one"
    first, second = image.on
    return Volume(
        name=NAME,
        hosts=(first, second),
        device="/dev/drbd2",
        backing={host: cluster.nodes[host].data for host in image.on},
        size=image.size,
        minor=2,
        port=7790,
        mountpoint=MOUNT,
        filesystem="ext4",
        owner="glance:glance",
        mount_options="noatime,sync",
    )


def _shared_filesystem(image: Image, cluster: Cluster) -> Part:
    mount = Primitive(
        filesystem_id(NAME),
        "ocf:heartbeat:Filesystem",
        parameters={
            "device": image.store.options.get("export", ""),
            "directory": MOUNT,
            "fstype": "nfs",
            "options": image.store.options.get("mount_options", "nfsvers=4.2,hard,noatime"),
            # Who uses it is looked for in /proc: fuser(1) would wait for a server that is away, the stop would fail,
            # and the node would be fenced for it.
            "force_unmount": "safe",
        },
        operations=(
            Operation("start", timeout=60),
            Operation("stop", timeout=60),
            Operation("monitor", timeout=40, interval=20),
        ),
    )
    clone = Clone(f"{mount.id}-clone", mount, meta={"interleave": "true"})
    return Part(
        units=dict.fromkeys(image.on, PORT_MAPPER),
        resources=(clone,),
        constraints=only_on(clone.id, image.on, cluster),
    )


def _service(image: Image, cluster: Cluster) -> Service:
    on_mount = TYPES[image.store.kind] == "file"
    revisions = "/usr/lib/python3/dist-packages/glance/db/sqlalchemy/alembic_migrations/versions"
    api = Program(
        "api",
        "glance-api.service",
        "glance-api",
        wsgi=ENTRY if on_mount else "/usr/bin/glance-wsgi-api",
        port=PORT,
        # Well, and without its store: that is for the front to know, and no reason to start it again.
        alive=(200, 503) if on_mount else (200,),
        patience=6 * 3600,
        # What a client uploads comes in pieces of unknown number.
        uwsgi=("wsgi-manage-chunked-input = true", *((f"env = QUORATE_IMAGE_STORE={MOUNT}",) if on_mount else ())),
    )
    return Service(
        name=NAME,
        project="glance",
        config="/etc/glance/glance-api.conf",
        settings=settings(image, cluster),
        programs=(api,),
        packages=CLIENTS.get(image.store.kind, ()),
        files=(File(ENTRY, (node.source("image_api"),), restarts=(api.unit,)),) if on_mount else (),
        schemas=(openstack.schema(NAME, "glance", image.on, ("glance-manage", "db_sync"), "glance", revisions),),
        endpoints=(Endpoint("image", "glance", "Image", openstack.public_url(PORT, cluster)),),
        accounts=(openstack.account(NAME, "glance"),),
    )


def settings(image: Image, cluster: Cluster) -> Settings:
    """What glance-api.conf says."""
    on_mount = TYPES[image.store.kind] == "file"
    where = {"filesystem_store_datadir": f"{MOUNT}/images", "filesystem_store_chunk_size": "1048576"}
    own = {name: value for name, value in image.store.options.items() if name not in ("export", "mount_options")}
    staged = f"{MOUNT}/staging" if on_mount else "/var/lib/glance/staging"
    return {
        "DEFAULT": {
            **openstack.LOGGING,
            "enabled_backends": f"main:{TYPES[image.store.kind]}",
            # An import has two halves, and the second finds the first's file only where that is shared.
            "enabled_import_methods": "[glance-direct,web-download]" if on_mount else "[]",
        },
        "glance_store": {"default_backend": "main"},
        "main": {**(where if on_mount else {}), **own},
        "os_glance_staging_store": {"filesystem_store_datadir": staged},
        "os_glance_tasks_store": {
            "filesystem_store_datadir": f"{MOUNT}/tasks" if on_mount else "/var/lib/glance/tasks"
        },
        "database": openstack.sql(NAME, "glance", cluster),
        "keystone_authtoken": openstack.authtoken(NAME, "glance", cluster),
        "paste_deploy": {"flavor": "keystone"},
        "oslo_middleware": openstack.BEHIND_FRONT,
        "oslo_concurrency": {"lock_path": "/run/glance"},
        # Nobody reads them; in a quorum queue they would pile up.
        "oslo_messaging_notifications": {"driver": "noop"},
    }
