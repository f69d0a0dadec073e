"""A child who does not exist, and whoever reports: words that stand nowhere else, and every way to spell them.

Each word has one of two stems, so that a part of it is found as the whole is.
"""

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

HAN, DIGITS = "龘靐齉", "91377132046"
# What a stranger puts into a queue: not ours to keep out of that queue, and to be found nowhere else.
FOREIGN_HAN, FOREIGN_DIGITS = "齾爩鱻", "80446913372"

NAME, ID_NUMBER, PHONE = f"{HAN}童", f"410399{DIGITS}X", f"{DIGITS}1"
BORN: Final = dt.date(2014, 6, 17)
REASON: Final = f"紧急寻找{HAN}，家在{HAN}弄，电话{PHONE}"
TEXT: Final = f"{NAME}，身份证号{ID_NUMBER}，电话{PHONE}，{BORN.isoformat()}出生。"
LATIN: Final = f"{ID_NUMBER}-{PHONE}"  # what a header can carry
PAPER: Final = (
    f"%PDF-1.7\n1 0 obj\n<</Title({TEXT})/Hex<{TEXT.encode('utf-16-be').hex()}>>>\nendobj\n"
    "trailer\n<<>>\n%%EOF\n"
).encode()

SECRETS: Final[Mapping[str, Mapping[str, str]]] = {
    "child": {
        "name": NAME,
        "id_kind": "resident_id",
        "id_number": ID_NUMBER,
        "born_on": BORN.isoformat(),
        "gender": "female",
        "phone": PHONE,
        "home": f"{HAN}弄一号",
        "school": f"{HAN}小学",
        "guardians": f"母亲{HAN}娘，电话{DIGITS}2",
    },
    "facts": {
        "narrative": f"放学后{HAN}讲述的经过。{TEXT}",
        "place": f"{HAN}弄口",
        "suspect": f"{HAN}叔，电话{DIGITS}3",
        "evidence_reference": f"物证柜{HAN}层",
    },
    "reporter": {"phone": f"{DIGITS}4", "name": f"{HAN}师", "post": f"{HAN}班主任", "relation": f"{HAN}老师"},
    "complaint": {
        "narrative": f"{HAN}报告后被调离原岗位。",
        "complainant": f"{HAN}师",
        "phone": f"{DIGITS}5",
        "against": f"{HAN}校长",
    },
    "person": {"name": f"{HAN}官", "post": f"{HAN}检察官", "phone": f"{DIGITS}6"},
    "remark": {"text": f"{HAN}官授课受欢迎。"},
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that left the services or stays behind them: of which kind, where, and its bytes."""

    kind: str
    place: str
    content: bytes


class Words:
    """What is looked for: stems in every spelling, and whole words as numbers, moments and digests without a key."""

    def __init__(self, *stems: str, whole: Iterable[str] = (), days: Iterable[dt.date] = ()) -> None:
        given = [*stems, *(day.isoformat() for day in days)]
        self.spellings: Final = tuple(
            {
                *(spelling for word in given for spelling in spellings(word)),
                *(digest for word in whole for digest in _digests(word)),
                *(number for word in whole for number in _numbers(word)),
                *(moment for day in days for moment in _moments(day)),
            }
        )

    def found(self, pieces: Iterable[Piece]) -> list[str]:
        """Where one of the words stands: the kind of place, the place, and what surrounds the word."""
        return [
            f"{piece.kind} {piece.place}: …{piece.content[max(0, at - 60) : at + 60]!r}…"
            for piece in pieces
            for spelling in self.spellings
            if (at := piece.content.find(spelling)) >= 0
        ]

    def kinds(self, pieces: Iterable[Piece]) -> set[str]:
        """The kinds of places where one of the words stands."""
        return {hit.partition(" ")[0] for hit in self.found(pieces)}


def spellings(word: str) -> Iterator[bytes]:
    """A word as text, escaped, quoted, in hex, and in Base64 wherever it begins there."""
    raw, utf16 = word.encode(), word.encode("utf-16-le")
    escaped = json.dumps(word)[1:-1]
    texts = {
        escaped,
        escaped.upper().replace("\\U", "\\u"),
        quote(word, safe=""),
        quote(word, safe="").lower(),
        raw.hex(),
        raw.hex().upper(),
        utf16.hex(),
        word.encode("utf-16-be").hex(),
        repr(raw)[2:-1],
        "".join(f"&#{ord(each)};" for each in word),
        "".join(f"&#x{ord(each):x};" for each in word),
    }
    yield from (raw, utf16, word.encode("utf-16-be"), word.encode("gb18030"))
    yield from (text.encode() for text in texts)
    for content in (raw, utf16):
        yield from _base64(content)


def _base64(content: bytes) -> Iterator[bytes]:
    """As it stands in Base64 at each of the three places where it can begin, without what its neighbours decide."""
    for before in range(3):
        first, last = -(-8 * before // 6), 8 * (before + len(content)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + content)[first:last]


def _digests(word: str) -> Iterator[bytes]:
    for kind in ("md5", "sha1", "sha256"):
        made = hashlib.new(kind, word.encode(), usedforsecurity=False)
        yield from (made.digest(), made.hexdigest().encode(), base64.b64encode(made.digest()).rstrip(b"="))


def _numbers(word: str) -> Iterator[bytes]:
    if word.isdecimal() and int(word) < 2**63:
        yield int(word).to_bytes(8, "little")


def _moments(day: dt.date) -> Iterator[bytes]:
    """The day as MongoDB keeps a moment, begun in Greenwich or in Beijing."""
    for hours in (0, 8):
        zone = dt.timezone(dt.timedelta(hours=hours))
        moment = dt.datetime.combine(day, dt.time(), zone)
        yield (round(moment.timestamp()) * 1000).to_bytes(8, "little")


_WHOLE: Final = tuple(
    value for told in SECRETS.values() for field, value in told.items() if field not in ("id_kind", "gender")
)
OURS: Final = Words(HAN, DIGITS, whole=_WHOLE, days=[BORN])
FOREIGN: Final = Words(FOREIGN_HAN, FOREIGN_DIGITS)


def wrong_bodies(
    body: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """The body with words where none belong, instead of each value and beside every one; each with the place."""
    yield (*above, TEXT), {**body, TEXT: TEXT}
    for name, value in body.items():
        place = (*above, name)
        for word in (TEXT, ID_NUMBER):
            yield place, {**body, name: word}
        if isinstance(value, list):
            yield place, {**body, name: [TEXT, {TEXT: ID_NUMBER}]}
        elif isinstance(value, Mapping):
            yield from ((inner, {**body, name: wrong}) for inner, wrong in wrong_bodies(value, place))
