"""Characters that are equivalent, or have no meaning in a name or number: tables for `str.translate`."""

from collections.abc import Mapping
from unicodedata import normalize

# Blank or invisible: white space, controls, joiners, directions, fillers, variation selectors.
INVISIBLE: Mapping[int, None] = dict.fromkeys(
    [
        *(code for code in range(0x3001) if chr(code).isspace()),
        *range(0x20),
        *range(0x7F, 0xA0),
        0x00AD,
        0x034F,
        0x061C,
        *range(0x115F, 0x1161),
        0x180E,
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        0x3164,
        *range(0xFE00, 0xFE10),
        0xFEFF,
        0xFFA0,
        *range(0xE0100, 0xE01F0),
    ]
)

FULL_WIDTH: Mapping[int, int] = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}

DASHES = "-‐‑‒–—―−﹣－"

# Opening and closing brackets in which courts write the year of a case.
BRACKETS: Mapping[int, int] = str.maketrans("（〔［【﹙﹝[）〕］】﹚﹞]", "(((((((" + ")))))))")

# For characters that GBK and GB 18030-2000 did not map to Unicode, old systems send private-use code points. U+E815…E864 are
# the bytes FE50…FEA0 in order; values by GB 18030-2000, 2005 (Unicode 4.1) and 2022.
PRIVATE_USE: Mapping[int, int] = {
    # vertical punctuation, A6D9…A6F3
    **dict(zip(range(0xE78D, 0xE797), (0xFE10, 0xFE12, 0xFE11, *range(0xFE13, 0xFE1A)), strict=True)),
    0xE7C7: 0x1E3F,
    0xE7C8: 0x01F9,
    **dict(
        zip(
            range(0xE815, 0xE865),
            map(
                ord,
                "⺁𠂇𠂉𠃌⺄㑳㑇⺈⺋龴㖞㘚㘎⺌⺗㥮㤘龵㧏㧟㩳㧐龶龷㭎㱮㳠⺧𡗗龸"
                "⺪䁖䅟⺮䌷⺳⺶⺷𢦏䎱䎬⺻䏝䓖䙡䙌龹䜣䜩䝼䞍⻊䥇䥺䥽䦂䦃䦅䦆䦟䦛䦷䦶龺𤇾"
                "䲣䲟䲠䲡䱷䲢䴓䴔䴕䴖䴗䴘䴙䶮龻",
            ),
            strict=True,
        )
    ),
}

# Radicals and strokes that stand in for an ideograph, as PDF readers and fonts produce them: Unicode's
# EquivalentUnifiedIdeograph (version 14; U+2E80 and U+2E9A have none). NFKC only knows the Kangxi radicals.
RADICALS: Mapping[int, int] = {
    **{code: ord(normalize("NFKC", chr(code))) for code in range(0x2F00, 0x2FD6)},
    **dict(zip(range(0x2E81, 0x2E9A), map(ord, "厂乛乚乙亻冂𠘨刀刂卜㔾小小兀尣尢𡯂巳幺彑彐忄心扌攵"), strict=True)),
    **dict(
        zip(
            range(0x2E9B, 0x2EF4),
            map(
                ord,
                "旡日月歺母民氵氺灬爫爫丬牛犭王𤴔目示礻𥫗糹纟罓罒㓁冗𦉫羊𦍌𦍋耂肀聿肉𦥑艹艹艹虎衤覀西见角𧢲"
                "讠贝𧾷车辶辶辶邑钅長镸长门𨸏阝雨青韦页风飞食𩙿飠饣𩠐马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙龜亀龟",
            ),
            strict=True,
        )
    ),
    0x31C6: 0x200CC,
    0x31CF: 0x4E40,
    **dict(zip(range(0x31D0, 0x31E2), map(ord, "一丨丿丿丶𠃍乛𠃊𠃎𠄌亅𡿨𠃋乀𠃑乚乙𠄎"), strict=True)),
}
