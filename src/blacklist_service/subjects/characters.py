"""Characters that mean the same or nothing at all: tables for `str.translate`."""

from collections.abc import Mapping

# Blank or invisible: white space, controls, joiners, directions, fillers, variation selectors.
INVISIBLE: Mapping[int, None] = dict.fromkeys(
    [
        *(code for code in range(0x3001) if chr(code).isspace()),
        *range(0x20),
        *range(0x7F, 0xA0),
        0x00AD,
        0x034F,
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

# Where GBK and GB 18030-2000 had no code point yet, old systems send one of the private-use area.
# U+E815…E864 are the bytes FE50…FEA0 in order; values by GB 18030-2000, 2005 (Unicode 4.1) and 2022.
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
