"""What a drill does with the database itself: a schema and an account of its own, and the rows that are found again.

All through the `mariadb` client on a node, by its unix socket; SQL, and the password in it, travels over stdin only.
Names are made here from a time and hold nothing but letters, digits and `_`.
"""

from dataclasses import dataclass, field

from quorate.drill.probes.sql import TABLE
from quorate.hosts import Host


@dataclass(frozen=True)
class Scratch:
    """A drill's schema, and the account of the same name that may write into it."""

    name: str
    password: str = field(repr=False)


async def prepare(host: Host, scratch: Scratch) -> None:
    """Makes schema, table and account on the active node."""
    await _sql(
        host,
        f"CREATE DATABASE {scratch.name}; USE {scratch.name}; {TABLE};"
        f"CREATE USER {scratch.name}@'%' IDENTIFIED BY '{scratch.password}';"
        f"GRANT INSERT ON {scratch.name}.* TO {scratch.name}@'%';",
    )


async def rows(host: Host, scratch: Scratch) -> list[int]:
    """The numbers of all rows that this node's database holds."""
    found = await _sql(host, f"SELECT n FROM {scratch.name}.writes;")  # noqa: S608  see above for the name
    return [int(line) for line in found.split()]


async def drop_account(host: Host, scratch: Scratch) -> None:
    """Removes the account; the rows stay."""
    await _sql(host, f"DROP USER IF EXISTS {scratch.name}@'%';")


async def drop_schema(host: Host, scratch: Scratch) -> None:
    """Removes the rows."""
    await _sql(host, f"DROP DATABASE IF EXISTS {scratch.name};")


async def _sql(host: Host, statements: str) -> str:
    result = await host.run("mariadb", "--batch", "--skip-column-names", input=statements, timeout=120)
    return result.stdout
