"""The documents in an archive that another tool made for a bug report: `crm report`, `pcs config backup`, sosreport."""

import io
import tarfile
from pathlib import PurePosixPath

from quorate.proof.evidence.documents import Documents, EvidenceError, Text

MOST_FILES = 20_000
LARGEST = 64 << 20
"""Bytes of one file in it."""


def read(content: bytes, source: str) -> Documents:
    """The CIB, corosync.conf and DRBD's files in an archive, by their names. Raises EvidenceError.

    A `crm report` holds a folder for each node; the first CIB that a node had live (cib.xml) is taken, and the first of
    every other document.
    """
    cib: Text | None = None
    conf: Text | None = None
    drbd: dict[str, Text] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:*") as archive:
            for count, member in enumerate(archive):
                if count > MOST_FILES:
                    raise EvidenceError(f"it holds more than {MOST_FILES:,} files", where=source)
                name = PurePosixPath(member.name).name
                wanted = name in ("cib.xml", "corosync.conf", "drbd.conf") or _is_drbd(member.name)
                if not member.isfile() or not wanted or member.size > LARGEST:
                    continue
                stream = archive.extractfile(member)
                text = Text(f"{source}:{member.name}", stream.read().decode(errors="replace") if stream else "")
                if name == "cib.xml":
                    cib = cib or text
                elif name == "corosync.conf":
                    conf = conf or text
                else:
                    drbd.setdefault(name, text)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise EvidenceError(
            f"this is no archive that tar can read: {error}", where=source, todo="Name the .tar.bz2 of `crm report`."
        ) from None
    if cib is None and conf is None:
        raise EvidenceError(
            "it holds neither a cib.xml nor a corosync.conf", where=source, todo="Name the .tar.bz2 of `crm report`."
        )
    return Documents(cib=cib, corosync=conf, drbd=tuple(drbd.values()))


def _is_drbd(path: str) -> bool:
    return path.endswith((".res", "drbd.d/global_common.conf"))
