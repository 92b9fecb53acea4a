"""PostgreSQL servers that speak TLS, or nothing else."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from pipeline.errors import TargetError
from pipeline.postgres.connect import Target, connect
from tests.tds.certificate import make_certificate


def speak_tls(admin: Target) -> None:
    """Let the server show a certificate, from one of its next connections on."""
    with connect(admin, application_name="t", autocommit=True) as session:
        (directory,) = session.execute("show data_directory").fetchone() or ("",)
        made = make_certificate(Path(directory))
        for path in (made.path, made.key_path):
            path.chmod(0o600)
            owner = Path(directory).stat()
            os.chown(path, owner.st_uid, owner.st_gid)
        session.execute("alter system set ssl_cert_file = 'server.crt'")
        session.execute("alter system set ssl_key_file = 'server.key'")
        session.execute("alter system set ssl = on")
        session.execute("select pg_reload_conf()")
    private = replace(admin, parameters=(("sslmode", "require"),))
    deadline = time.monotonic() + 30
    while True:
        try:
            connect(private, application_name="t").close()
        except TargetError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def demand_tls(admin: Target) -> Target:
    """Let the server take nobody without TLS, from one of its next connections on; its administrator, with it."""
    speak_tls(admin)
    private = replace(admin, parameters=(("sslmode", "require"),))
    with connect(private, application_name="t", autocommit=True) as session:
        (rules,) = session.execute("show hba_file").fetchone() or ("",)
        Path(rules).write_text("hostssl all all all scram-sha-256\n", encoding="ascii")
        session.execute("select pg_reload_conf()")
    open_ = replace(admin, parameters=(("sslmode", "disable"),))
    deadline = time.monotonic() + 30
    while True:
        try:
            connect(open_, application_name="t").close()
        except TargetError:
            return private
        assert time.monotonic() < deadline
        time.sleep(0.05)
