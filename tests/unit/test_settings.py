from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.settings import DbType, Settings, load_settings

_EXAMPLE = Path(__file__).parent.parent.parent / ".env.example"


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory, and an environment without our variables."""
    monkeypatch.chdir(tmp_path)
    ours = {name.upper() for name in Settings.model_fields}
    for name in [name for name in os.environ if name.upper() in ours]:
        monkeypatch.delenv(name)


def _dotenv(text: str) -> None:
    Path(".env").write_text(text, encoding="utf-8")


def test_a_flag_outranks_the_environment_which_outranks_dotenv(monkeypatch: pytest.MonkeyPatch) -> None:
    _dotenv("MIGRATION_BATCH_SIZE=1\nMIGRATION_LOG_INTERVAL=1\nDB_TYPE=mssql\n")
    monkeypatch.setenv("MIGRATION_BATCH_SIZE", "2")
    monkeypatch.setenv("MIGRATION_LOG_INTERVAL", "2")
    settings = load_settings(migration_batch_size=3, migration_log_interval=None)
    assert (settings.migration_batch_size, settings.migration_log_interval) == (3, 2)
    assert settings.db_type is DbType.MSSQL


def test_nothing_set_leaves_the_target_to_the_embedded_server() -> None:
    settings = load_settings()
    assert not settings.target_configured
    assert (settings.migration_batch_size, settings.postgresql_port) == (20_000, 5432)


@pytest.mark.parametrize(
    "lines", ["DATABASE_URL=postgresql://u@h/d", "POSTGRESQL_HOST=h\nPOSTGRESQL_USER=u\nPOSTGRESQL_DB=d"]
)
def test_either_way_of_naming_a_target_configures_it(lines: str) -> None:
    _dotenv(lines)
    assert load_settings().target_configured


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("POSTGRESQL_PASSWORD=hunter2", "POSTGRESQL_HOST"),
        ("POSTGRESQL_HOST=h", "POSTGRESQL_DB"),
        ("POSTGRESQL_PORT=5433", "POSTGRESQL_HOST"),
        ("DATABASE_URL=postgresql://u:hunter2@h/d\nPOSTGRESQL_HOST=h", "both"),
    ],
)
def test_half_a_target_or_two_are_refused(lines: str, named: str) -> None:
    _dotenv(lines)
    with pytest.raises(SettingsError, match=named) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_a_flag_that_names_a_target_replaces_the_whole_of_the_other() -> None:
    _dotenv("POSTGRESQL_HOST=h\nPOSTGRESQL_USER=u\nPOSTGRESQL_DB=d\nPOSTGRESQL_PASSWORD=p")
    settings = load_settings(database_url="postgresql://other@there/db")
    assert settings.postgresql_host is None
    assert settings.postgresql_password is None


def test_an_empty_variable_hides_the_one_of_dotenv(monkeypatch: pytest.MonkeyPatch) -> None:
    _dotenv("DATABASE_URL=postgresql://u@h/d")
    monkeypatch.setenv("DATABASE_URL", "")
    assert not load_settings().target_configured


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MIGRATION_BATCH_SIZE", "0"),
        ("MIGRATION_BATCH_SIZE", "1000001"),
        ("MIGRATION_BATCH_SIZE", "many"),
        ("MIGRATION_LOG_INTERVAL", "-1"),
        ("POSTGRESQL_PORT", "70000"),
        ("POSTGRESQL_SSLMODE", "maybe"),
        ("DB_TYPE", "ORACLE"),
        ("MSSQL_PORT", "0"),
        ("MSSQL_ENCRYPT", "yes"),
        ("MSSQL_TRUST_SERVER_CERTIFICATE", "perhaps"),
        ("MSSQL_AUTHENTICATION", "kerberos"),
        ("MSSQL_SNAPSHOT", "always"),
    ],
)
def test_a_wrong_value_is_named_and_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name} '{value}'") as caught:
        load_settings()
    assert caught.value.hint is not None


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/d", "hunter2"])
def test_a_wrong_secret_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(SettingsError, match="DATABASE_URL") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS_PASSWORD", "hunter2")
    monkeypatch.setenv("MSSQL_PASSWORD", "hunter2")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@h/d")
    settings = load_settings()
    assert "hunter2" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.access_password is not None
    assert settings.access_password.get_secret_value() == "hunter2"


def test_dotenv_of_notepad_is_read() -> None:
    Path(".env").write_bytes(b"\xef\xbb\xbfMIGRATION_BATCH_SIZE=7\r\n")
    assert load_settings().migration_batch_size == 7


def test_dotenv_in_another_encoding_is_refused() -> None:
    Path(".env").write_bytes("ACCESS_PATH=자료.accdb".encode("cp949"))
    with pytest.raises(SettingsError, match=r"\.env"):
        load_settings()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("pa${HOME}ss", "pa${HOME}ss"),
        ("'pa${HOME} #ss'", "pa${HOME} #ss"),
        (r"'it\'s \\ here'", r"it's \ here"),
        ("a;b}c=d#e", "a;b}c=d#e"),
        ("비밀번호", "비밀번호"),
    ],
)
def test_a_password_in_dotenv_is_what_stands_there(written: str, meant: str) -> None:
    _dotenv(f"# SQL Server\nexport MSSQL_PASSWORD={written}  # of the reader\nMSSQL_USER=reader\n")
    settings = load_settings()
    assert settings.mssql_password is not None
    assert (settings.mssql_password.get_secret_value(), settings.mssql_user) == (meant, "reader")


@pytest.mark.parametrize(
    "line",
    [
        "DATABASE_URL='postgresql://u:hunter2@h/d",
        "POSTGRESQL_HOST",
        "POSTGRESQL_PASSWORD='hunter2' hunter2",
    ],
)
def test_a_line_of_dotenv_that_cannot_be_read_is_not_left_out(line: str) -> None:
    """Without it, the target would be the embedded server."""
    _dotenv(f"# target\n\n{line}\nMSSQL_USER=reader\n")
    with pytest.raises(SettingsError, match=r"^\.env, line 3: is not NAME=value") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_lines_of_dotenv_for_other_programs_are_theirs() -> None:
    _dotenv("SOME_FLAG\nOTHER=x\nMSSQL_USER=reader\n")
    assert load_settings().mssql_user == "reader"


@pytest.mark.parametrize(("name", "missing"), [("HOST", "DB"), ("DB", "HOST"), ("PORT", "HOST, MSSQL_DB")])
def test_half_a_sql_server_is_an_error_that_names_the_other_half(
    monkeypatch: pytest.MonkeyPatch, name: str, missing: str
) -> None:
    monkeypatch.setenv(f"MSSQL_{name}", "1433")
    with pytest.raises(SettingsError, match=f"MSSQL_{name} is set, and MSSQL_{missing} missing"):
        load_settings()


def test_words_of_sql_server_may_be_written_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ENCRYPT": "Strict", "AUTHENTICATION": "activedirectorymsi", "SNAPSHOT": "DATABASE"}.items():
        monkeypatch.setenv(f"MSSQL_{name}", value)
    settings = load_settings()
    assert (settings.mssql_encrypt, settings.mssql_snapshot) == ("strict", "database")
    assert settings.mssql_authentication == "ActiveDirectoryMSI"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().migration_batch_size = 5  # type: ignore[misc]


def test_the_example_names_every_setting_and_no_other() -> None:
    lines = [line.removeprefix("# ") for line in _EXAMPLE.read_text(encoding="utf-8").splitlines()]
    named = {line.split("=")[0] for line in lines if line.split("=")[0].isupper() and "=" in line}
    assert named == {name.upper() for name in Settings.model_fields}
