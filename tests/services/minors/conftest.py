"""The units among which reports go their roads, and a desk for each procedure that begins with a report."""

from collections.abc import AsyncIterator, Mapping

import pytest

from deploy.local.servers import Servers
from services.minors.main import SERVICE
from shared.mechanism.grammar import Mechanism
from tests.services.referral.desk import Desk, desk_on

SCHOOL, OTHER_SCHOOL, HOTLINE = "LY-XX-329", "LY-XX-330", "LY-ZF-329"
POLICE, FAR_POLICE, CITY_POLICE = "LY-GA-329", "LY-GA-323", "LY-GA-300"
PROCURATORATE, CITY_PROCURATORATE = "LY-JC-329", "LY-JC-300"
CIVIL_AFFAIRS, EDUCATION, JUSTICE = "LY-MZ-329", "LY-JY-329", "LY-SF-329"
WOMENS_FEDERATION, YOUTH_LEAGUE = "LY-FL-329", "LY-TW-329"
COMMITTEE, RELIEF_BODY, COURT, COMMISSION = "LY-CW-329", "LY-JZ-329", "LY-FY-329", "LY-JW-329"
REPORTING_UNITS = {
    SCHOOL: ("school", "410329"),
    OTHER_SCHOOL: ("school", "410329"),
    HOTLINE: ("government", "410329"),
    POLICE: ("public_security", "410329"),
    FAR_POLICE: ("public_security", "410323"),
    CITY_POLICE: ("public_security", "410300"),
    PROCURATORATE: ("procuratorate", "410329"),
    CITY_PROCURATORATE: ("procuratorate", "410300"),
    CIVIL_AFFAIRS: ("civil_affairs", "410329"),
    EDUCATION: ("education_authority", "410329"),
    JUSTICE: ("justice_bureau", "410329"),
    WOMENS_FEDERATION: ("womens_federation", "410329"),
    YOUTH_LEAGUE: ("youth_league", "410329"),
    COMMITTEE: ("residents_committee", "410329"),
    RELIEF_BODY: ("relief_body", "410329"),
    COURT: ("court", "410329"),
    COMMISSION: ("supervisory_commission", "410329"),
}
REPORTING_NAMED = {
    "police": FAR_POLICE,
    "higher_police": CITY_POLICE,
    "superior_procuratorate": CITY_PROCURATORATE,
    "supervising_authority": EDUCATION,
    "civil_affairs": CIVIL_AFFAIRS,
    "education_authority": EDUCATION,
    "justice_bureau": JUSTICE,
    "womens_federation": WOMENS_FEDERATION,
    "youth_league": YOUTH_LEAGUE,
    "residents_committee": COMMITTEE,
    "relief_body": RELIEF_BODY,
    "court": COURT,
    "obliged_unit": SCHOOL,
    "commission": COMMISSION,
}
# Who opens a matter by the usual way in, and by the further one.
REPORTING_OPENERS: Mapping[str, Mapping[str, str]] = {
    "mandatory_report": {"report": SCHOOL, "take_down": HOTLINE},
    "child_protection": {"start": POLICE},
    "failure_to_report": {"find": PROCURATORATE, "find_in_case": POLICE},
    "retaliation_complaint": {"complain": SCHOOL, "take_down": PROCURATORATE},
}
REPORTING_MECHANISMS: Mapping[str, Mechanism] = {
    key: mechanism for (key, _), mechanism in SERVICE.mechanisms.items() if key in REPORTING_OPENERS
}


@pytest.fixture(scope="module", params=list(REPORTING_OPENERS))
async def reporting_desk(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[Desk]:
    """A desk of the minors service for one procedure after the other."""
    mechanism = REPORTING_MECHANISMS[request.param]
    named = REPORTING_NAMED
    if mechanism.key == "failure_to_report":
        named = {**named, "police": POLICE}
    async with (
        servers.database() as database,
        desk_on(
            servers.mongo_url,
            database,
            service=SERVICE,
            mechanism=mechanism,
            opener=REPORTING_OPENERS[mechanism.key][mechanism.opening.key],
            named=named,
            units=REPORTING_UNITS,
        ) as desk,
    ):
        yield desk
