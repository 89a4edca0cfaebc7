"""The database URL: each parameter of libpq is applied, has no effect here anyway, or is refused by name."""

import socket

import pytest

from blacklist_service.database.addresses import AddressError, read_address, with_login


def test_what_the_driver_reads_is_left_to_it():
    address = read_address("postgresql://u:p%40@h1:5433,h2/db?sslmode=require&target_session_attrs=read-write")
    assert address.dsn == "postgresql://u:p%40@h1:5433,h2/db?sslmode=require&target_session_attrs=read-write"
    assert (address.user, address.password, address.timeout_seconds) == ("u", "p@", 10)
    assert address.tools_dsn == "postgresql://u@h1:5433,h2/db?sslmode=require&target_session_attrs=read-write"


def test_a_password_of_the_query_reaches_no_command_line():
    address = read_address("postgresql:///db?host=/run/x&user=u&password=secret+1")
    assert (address.user, address.password) == ("u", "secret 1")
    assert "secret" not in address.tools_dsn


@pytest.mark.parametrize(("given", "seconds"), [("0", 10), ("-1", 10), ("1", 2), ("3", 3), ("30", 30)])
def test_a_time_to_connect_is_libpqs(given: str, seconds: float):
    assert read_address(f"postgresql://h/db?connect_timeout={given}").timeout_seconds == seconds


def test_a_machine_that_vanished_is_noticed_unless_told_otherwise():
    usual = {option: value for _, option, value in read_address("postgresql://h/db").socket_options}
    assert usual[socket.TCP_USER_TIMEOUT] == 10_000
    assert usual[socket.TCP_KEEPIDLE] == 5
    told = read_address("postgresql://h/db?keepalives=0&tcp_user_timeout=3000").socket_options
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0) in told
    assert (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000) in told


def test_options_are_settings_of_the_session():
    address = read_address("postgresql://h/db?options=-c%20a.b%3D1%20-cwork_mem%3D8MB%20--x%3Dy%5C%20z&jit=on")
    assert address.settings == {"a.b": "1", "work_mem": "8MB", "x": "y z", "jit": "on"}


def test_an_address_for_a_host_replaces_its_name_unless_its_certificate_needs_it():
    address = read_address("postgresql://u:p@name:6000/db?hostaddr=10.0.0.1&sslmode=require")
    assert address.dsn == "postgresql://u:p@/db?sslmode=require&host=10.0.0.1&port=6000"
    with pytest.raises(AddressError, match="hostaddr"):
        read_address("postgresql://name/db?hostaddr=10.0.0.1&sslmode=verify-full")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://h/db",
        "postgresql://h:port/db",
        "postgresql://h:0/db",
        "postgresql://h:65536/db",
        "postgresql://h/db?port=1,x",
        "postgresql://[::1/db",
        "postgresql://h/db?x",
        "postgresql://h/db?keepalives_idle=often",
        "postgresql://h/db?channel_binding=require",
        "postgresql://h/db?replication=database",
        "postgresql://h/db?requirepeer=postgres",
        "postgresql://h/db?options=--",
    ],
)
def test_what_cannot_be_followed_is_one_sentence_without_the_password(url: str):
    with pytest.raises(AddressError) as refused:
        read_address(url.replace("//h", "//u:secret@h"))
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_another_login_has_the_same_place():
    assert with_login("postgresql://u:p@h:1/db?x=y", "of all") == "postgresql://of%20all@h:1/db?x=y"
