"""A service says at once everything its environment lacks, and never what it holds."""

import pytest
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings, SettingsError


class _Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="REFERRAL_")

    reminder_days: int = 3


_GOOD = {
    "MONGO_URL": "mongodb://user:secret@127.0.0.1",
    "MONGO_DATABASE": "liandong_referral",
    "RABBIT_URLS": "amqp://a:secret@one, amqp://two,",
    "JWKS_URL": "https://issuer.example/jwks",
    "ISSUER": "https://issuer.example",
    "AUDIENCE": "liandong",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name, value in _GOOD.items():
        monkeypatch.setenv(f"REFERRAL_{name}", value)
    return monkeypatch


def test_values_come_from_the_environment_with_the_services_prefix(environment):
    environment.setenv("REFERRAL_REMINDER_DAYS", "5")
    settings = _Settings.load()
    assert settings.rabbit_urls == ("amqp://a:secret@one", "amqp://two")
    assert (settings.reminder_days, settings.host, settings.mongo_url) == (5, "127.0.0.1", _GOOD["MONGO_URL"])


def test_everything_missing_or_wrong_is_named_at_once_and_not_quoted(environment):
    for name in ("MONGO_URL", "ISSUER"):
        environment.delenv(f"REFERRAL_{name}")
    wrong = {
        "MONGO_DATABASE": "Canary$",
        "RABBIT_URLS": " , ",
        "JWKS_URL": "canary",
        "TRACE_ENDPOINT": "canary",
        "PORT": "canary",
        "LOG_LEVEL": "canary",
        "RATE_LIMIT": "canary",
        "BODY_LIMIT": "-1",
        "REMINDER_DAYS": "canary",
    }
    for name, value in wrong.items():
        environment.setenv(f"REFERRAL_{name}", value)
    with pytest.raises(SettingsError) as told:
        _Settings.load()
    assert set(str(told.value).splitlines()) == {
        "REFERRAL_MONGO_URL: missing",
        "REFERRAL_ISSUER: missing",
    } | {f"REFERRAL_{name}: not valid" for name in wrong}
    assert told.value.__suppress_context__


def test_secrets_do_not_show_when_settings_are_printed():
    assert "secret" not in repr(_Settings.load()) + str(_Settings.load())


def test_a_wrong_value_is_not_quoted_even_when_nobody_caught_it(environment):
    environment.setenv("REFERRAL_MONGO_DATABASE", "Canary$")
    with pytest.raises(ValueError) as told:
        _Settings()
    assert "Canary" not in str(told.value)


def test_settings_do_not_change():
    with pytest.raises(ValueError):
        _Settings.load().port = 1  # type: ignore[misc]
