"""One suggestion service for the tests of this folder."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from services.suggestion.main import SERVICE
from tests.services.referral.desk import Desk, desk_on

OPENER = "LY-JC-329"
ADDRESSEE, OTHER_ADDRESSEE = "LY-SC-001", "LY-SC-002"
CITY_PROCURATORATE, FAR_PROCURATORATE, GOVERNMENT = "LY-JC-300", "LY-JC-323", "LY-ZF-329"
SUGGESTION = SERVICE.mechanisms["procuratorial_suggestion", "2019-02-26"]
UNITS = {
    OPENER: ("procuratorate", "410329"),
    ADDRESSEE: ("administrative_organ", "410329"),
    OTHER_ADDRESSEE: ("administrative_organ", "410329"),
    CITY_PROCURATORATE: ("procuratorate", "410300"),
    FAR_PROCURATORATE: ("procuratorate", "410323"),
    GOVERNMENT: ("government", "410329"),
    "LY-SC-300": ("administrative_organ", "410300"),
}
NAMED = {
    "addressee": ADDRESSEE,
    "advised": ADDRESSEE,
    "agency": ADDRESSEE,
    "superior_procuratorate": CITY_PROCURATORATE,
    "competent_procuratorate": CITY_PROCURATORATE,
    "entrusted": FAR_PROCURATORATE,
    "receiving_procuratorate": FAR_PROCURATORATE,
    "receiver": OTHER_ADDRESSEE,
}


@pytest.fixture(scope="package")
async def desk(servers: Servers) -> AsyncIterator[Desk]:
    """A desk at which suggestions are issued."""
    async with (
        servers.database() as database,
        desk_on(
            servers.mongo_url,
            database,
            service=SERVICE,
            mechanism=SUGGESTION,
            opener=OPENER,
            named=NAMED,
            units=UNITS,
        ) as running,
    ):
        yield running
