"""Mistakes about database, each with the rule that finds it and the cluster that it is planted in."""

from ..known import Change, text

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    (
        "database-not-durable",
        "three",
        [
            text("/etc/mysql/mariadb.conf.d/90-quorate.cnf", "at-trx-commit = 1", "at-trx-commit = 2")(name)
            for name in ("ctl1", "ctl2")
        ],
    ),
    (
        "binlog-not-synced",
        "three",
        [
            text("/etc/mysql/mariadb.conf.d/90-quorate.cnf", "skip-name-resolve", "log-bin")(name)
            for name in ("ctl1", "ctl2")
        ],
    ),
    (
        "database-bind",
        "three",
        [
            text(
                "/etc/mysql/mariadb.conf.d/90-quorate.cnf",
                "bind-address                   = 10.20.0.20",
                "bind-address = 127.0.0.1",
            )(name)
            for name in ("ctl1", "ctl2")
        ],
    ),
    (
        "database-config-differs",
        "three",
        text(
            "/etc/mysql/mariadb.conf.d/90-quorate.cnf", "max-connections                = 500", "max-connections = 50"
        )("ctl2"),
    ),
]
