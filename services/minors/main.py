"""The minors service: `python -m services.minors.main api|worker|migrate`."""

import sys

from services.minors.mechanisms import MECHANISMS
from services.minors.settings import Settings
from shared.matters.assembly import Service

SERVICE = Service(
    name="minors",
    title="Minors",
    description="""\
未成年人保护: mandatory reports (强制报告) and the register of legal vice-principals (法治副校长).

What identifies a child or a reporter is kept sealed: it is read field by field, for a purpose, by the parties of the
very matter, and each reading is written down before anything is answered.
Times are ISO 8601 with an offset; deadlines are exclusive moments.""",
    settings=Settings,
    mechanisms=MECHANISMS,
)

if __name__ == "__main__":
    sys.exit(SERVICE.main())
