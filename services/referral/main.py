"""The referral service: `python -m services.referral.main api|worker|migrate`."""

import sys

from services.referral.mechanisms import MECHANISMS
from services.referral.settings import Settings
from shared.matters.assembly import Service

SERVICE = Service(
    name="referral",
    title="Referral",
    description="""\
行刑衔接: matters handed from one organ to another, answered in time.

Each step of a procedure is one request; what it asks for, who may take it and by which article stands with it.
Times are ISO 8601 with an offset; deadlines are exclusive moments.""",
    settings=Settings,
    mechanisms=MECHANISMS,
)

if __name__ == "__main__":
    sys.exit(SERVICE.main())
