"""Codes of languages: `da`, `dan`, `dan_Latn`, `da-DK` and `da_DK` name the same language."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

# ISO 639-1 by the script that a language is usually written in: its code, after it those of ISO 639-3 that
# checkpoints use for it, its most spoken variety's among them.
LANGUAGES = {
    "Latn": (
        "aa/aar af/afr ak/aka/fat/tw/twi an/arg ay/aym/ayr az/aze/azj bi/bis bm/bam br/bre bs/bos ca/cat "
        "ch/cha co/cos cs/ces cy/cym da/dan de/deu ee/ewe en/eng eo/epo es/spa et/est/ekk eu/eus "
        "ff/ful/fuc/fuv fi/fin fj/fij fo/fao fr/fra fy/fry ga/gle gd/gla gl/glg gn/grn/gug gv/glv ha/hau "
        "ho/hmo hr/hrv ht/hat hu/hun hz/her ia/ina id/ind/in ig/ibo ik/ipk/esk io/ido is/isl it/ita "
        "jv/jav/jw kg/kon/kng ki/kik kj/kua kl/kal kr/kau/knc ku/kur/kmr kw/cor la/lat lb/ltz lg/lug li/lim "
        "ln/lin lt/lit lu/lub lv/lav/lvs mg/mlg/plt mh/mah mi/mri ms/msa/zsm mt/mlt na/nau nd/nde ng/ndo "
        "nl/nld nn/nno no/nor/nb/nob nr/nbl nv/nav ny/nya oc/oci om/orm/gaz pl/pol pt/por qu/que/quz/quy "
        "rm/roh rn/run ro/ron/mo rw/kin sc/srd/src se/sme sg/sag sk/slk sl/slv sm/smo sn/sna so/som "
        "sq/sqi/als ss/ssw st/sot su/sun sv/swe sw/swa/swh tk/tuk tl/tgl/fil tn/tsn to/ton tr/tur ts/tso "
        "ty/tah uz/uzb/uzn ve/ven vi/vie vo/vol wa/wln wo/wol xh/xho yo/yor za/zha/zyb zu/zul"
    ),
    "Cyrl": (
        "ab/abk av/ava ba/bak be/bel bg/bul ce/che cu/chu cv/chv kk/kaz kv/kom/kpv ky/kir mk/mkd mn/mon/khk "
        "os/oss ru/rus sr/srp tg/tgk tt/tat uk/ukr"
    ),
    "Arab": "ar/ara/arb fa/fas/pes ks/kas ps/pus/pbt sd/snd ug/uig ur/urd",
    "Deva": "hi/hin mr/mar ne/nep/npi sa/san",
    "Beng": "as/asm bn/ben",
    "Ethi": "am/amh ti/tir",
    "Hebr": "he/heb/iw yi/yid/ydd/ji",
    "Tibt": "bo/bod dz/dzo",
    "Cans": "cr/cre/cwd iu/iku/ike",
    "Hans": "zh/zho/cmn",
    "Jpan": "ja/jpn",
    "Hang": "ko/kor",
    "Grek": "el/ell",
    "Gujr": "gu/guj",
    "Armn": "hy/hye",
    "Geor": "ka/kat",
    "Khmr": "km/khm",
    "Knda": "kn/kan",
    "Laoo": "lo/lao",
    "Mlym": "ml/mal",
    "Mymr": "my/mya",
    "Orya": "or/ori/ory",
    "Guru": "pa/pan",
    "Sinh": "si/sin",
    "Taml": "ta/tam",
    "Telu": "te/tel",
    "Thai": "th/tha",
    "Thaa": "dv/div",
}
SHORTEST = {
    code: group.split("/")[0]
    for groups in LANGUAGES.values()
    for group in groups.split()
    for code in group.split("/")
}
USUAL_SCRIPT = {
    group.split("/")[0]: script for script, groups in LANGUAGES.items() for group in groups.split()
}
TRADITIONAL = {"TW", "HK", "MO"}
HYPHEN = "-"
# A language with its script and region, if a hyphen and more follow.
FIRST_LANGUAGE = re.compile(r"[^-]*(?:-[A-Z][a-z]{3}(?=-))?(?:-(?:[A-Z]{2}|[0-9]{3})(?=-))?(?=-.)")
CODE = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))?", re.IGNORECASE)


class Code(NamedTuple):
    """What a code says.

    language (str): The language, by its shortest code.
    script (str | None): Its script by ISO 15924, that which is usual if none is named; None if not known.
    region (str | None): Where it is spoken, if that is said.
    """

    language: str
    script: str | None
    region: str | None = None

    def is_same(self, other: "Code") -> bool:
        """Whether both are one language in one script, as far as the scripts are known."""
        return self.language == other.language and (
            self.script == other.script or None in (self.script, other.script)
        )


@lru_cache(maxsize=1024)
def parse_code(code: str) -> Code:
    """Read a code of a language.

    code (str): The code, e.g. "da", "dan_Latn", "zh-TW" or "en_XX". Anything else names a language, too,
        of which nothing is known.
    RETURNS (Code): What it says.
    """
    found = CODE.fullmatch(code)
    if found is None:
        return Code(code, None)
    language, script, region = found.groups()
    language = SHORTEST.get(language.lower(), language.lower())
    region = region and region.upper()
    if script is not None:
        script = script.capitalize().replace("Kore", "Hang")
    else:
        script = "Hant" if language == "zh" and region in TRADITIONAL else USUAL_SCRIPT.get(language)
    return Code(language, script, None if region == "XX" else region)


def match_code(code: str, known: Iterable[str]) -> str | None:
    """Find the code by which a checkpoint knows a language.

    code (str): The user's code.
    known (Iterable[str]): The checkpoint's codes.
    RETURNS (str | None): The same code, else one of the same language and script, of the same region if
        there is one, or of none; None if there is no such code.
    """
    known = list(known)
    if code in known:
        return code
    wanted = parse_code(code)
    same = [other for other in known if wanted.is_same(parse_code(other))]
    return min(same, key=lambda other: _distance(wanted, parse_code(other)), default=None)


def _distance(wanted: Code, found: Code) -> int:
    return 0 if found.region == wanted.region else 1 if found.region is None else 2


def split_languages(name: str) -> tuple[str, str, str]:
    """Split the name of a pair of languages after the first, as `str.partition` does."""
    found = FIRST_LANGUAGE.match(name)
    return (found.group(), HYPHEN, name[found.end() + 1 :]) if found else (name, "", "")
