"""Where a webhook may lead, when it is tried again, and how its secret is kept."""

from ipaddress import ip_address, ip_network

import pytest
from standardwebhooks.webhooks import Webhook

from services.notifier.domain.deliveries import Answer, next_wait
from services.notifier.domain.endpoints import Seal, may_reach, new_secret, takes, url_fault

INTRANET = (ip_network("10.41.0.0/16"),)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # metadata
        "100.64.0.1",  # CGNAT
        "100.100.100.200",  # metadata of a Chinese cloud
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "fec0::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "ff02::1",
    ],
)
def test_private_and_special_addresses_are_refused_even_over_tls(address):
    assert not may_reach(ip_address(address), tls=True, allowed=INTRANET, refused=())


def test_the_public_internet_is_reached_over_tls_only():
    for address in ("114.114.114.114", "2400:3200::1", "64:ff9b::7272:7272"):
        assert may_reach(ip_address(address), tls=True, allowed=(), refused=())
        assert not may_reach(ip_address(address), tls=False, allowed=(), refused=())


def test_an_allowed_network_is_reached_except_what_the_deployment_refuses():
    assert may_reach(ip_address("10.41.7.7"), tls=False, allowed=INTRANET, refused=())
    assert may_reach(ip_address("::ffff:10.41.7.7"), tls=False, allowed=INTRANET, refused=())
    refused = (ip_network("10.41.7.0/24"),)
    assert not may_reach(ip_address("10.41.7.7"), tls=True, allowed=INTRANET, refused=refused)
    assert not may_reach(ip_address("::ffff:10.41.7.7"), tls=True, allowed=INTRANET, refused=refused)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://a.example/x",
        "file:///etc/passwd",
        "//a.example/x",
        "https:///x",
        "https://user@a.example/",
        "https://user:pass@a.example/",
        "https://a.example/#part",
        "https://a.example:0/",
        "https://a.example:99999/",
        "https://a.example\\@b.example/",
        "https://a.example/ x",
        "https://a.example/\r\nHost: b",
        "https://[::1/",
        "https://例子.测试/",
    ],
)
def test_an_address_that_is_no_plain_http_address_is_refused(url):
    assert url_fault(url) is not None


def test_plain_addresses_are_taken():
    for url in ("https://a.example/hook?x=1", "http://10.41.7.7:8080/", "https://[2400:3200::1]/"):
        assert url_fault(url) is None


def test_a_webhook_takes_the_types_it_names():
    assert takes((), "referral.forward_transfer.filed")
    assert takes(("referral.*",), "referral.forward_transfer.filed")
    assert not takes(("referral.*",), "referrals.x")
    assert takes(("referral.forward_transfer.filed",), "referral.forward_transfer.filed")
    assert not takes(("referral.forward_transfer",), "referral.forward_transfer.filed")


def test_a_secret_opens_under_its_key_and_for_its_webhook_only():
    seal, secret = Seal(b"k" * 32), new_secret()
    Webhook(secret)  # the form the library reads
    sealed = seal.close(secret, "w1")
    assert secret.encode() not in sealed
    assert seal.open(sealed, "w1") == secret
    assert seal.close(secret, "w1") != sealed
    for other, webhook in ((Seal(b"x" * 32), "w1"), (seal, "w2")):
        with pytest.raises(ValueError, match="another key"):
            other.open(sealed, webhook)


def test_each_failure_waits_as_the_schedule_says():
    schedule = (5, 300, 1800)
    assert [next_wait(schedule, n, None, 0) for n in (1, 2, 3, 4)] == [5, 300, 1800, None]


def test_jitter_spreads_the_attempts_by_at_most_a_tenth():
    assert next_wait((300,), 1, None, 0.999) == pytest.approx(330, abs=1)


def test_a_receiver_may_ask_for_more_time_but_not_for_ever():
    assert next_wait((5,), 1, 60, 0) == 60
    assert next_wait((300,), 1, 60, 0) == 300
    assert next_wait((5,), 1, 10**9, 0) == 86_400


def test_only_a_status_of_success_is_a_delivery():
    assert Answer(0.1, 204).accepted
    assert not any(Answer(0.1, status).accepted for status in (100, 301, 304, 400, 410, 500))
    assert not Answer(0.1, None, error="timeout").accepted
    assert Answer(0.1, 410).gone
