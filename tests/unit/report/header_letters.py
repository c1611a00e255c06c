"""Names and texts in the character sets of the world, rightly and wrongly declared (PS3.3 C.12.1.1.2)."""

from __future__ import annotations

from tests.unit.report.odd_headers import OddHeader, having, item, raw

_JAPANESE = "Yamada^Tarou=山田^太郎=やまだ^たろう"
_KOREAN = "Hong^Gildong=洪^吉洞=홍^길동"


def _declared(terms: str | list[str], name: str, described: str = "CT") -> OddHeader:
    """A name and a description in a set of their own, which the source declares."""
    code = item(CodeValue="1", CodingSchemeDesignator="99L", CodeMeaning=described)
    change = having(
        SpecificCharacterSet=terms,
        PatientName=name,
        StudyDescription=described,
        ReferringPhysicianName=name,
        ProcedureCodeSequence=[code],
        InstitutionName="H",
    )
    said = {"PatientName": name, "ReferringPhysicianName": name, "StudyDescription": described}
    return OddHeader(
        f"letters of {terms}", change, said | {"ProcedureCodeSequence": f"1 99L {described}"}, conforms=True
    )


def _written(what: str, terms: bytes | None, written: bytes, said: str) -> OddHeader:
    """A name by its bytes, and by what the source declares of them."""
    change = raw(
        SpecificCharacterSet=terms,
        PatientName=written,
        ReferringPhysicianName=b"",
        InstitutionName=b"H",
    )
    return OddHeader(f"letters: {what}", change, {"PatientName": said})


CHARACTER_SETS = [
    _declared("ISO_IR 100", "Müller^Jörg", "CT Knie für Ärzte"),
    _declared("ISO_IR 101", "Dvořák^Antonín", "Koleno levé"),
    _declared("ISO_IR 109", "Ġorġ^Ħafna"),
    _declared("ISO_IR 110", "Bērziņš^Jānis"),
    _declared("ISO_IR 126", "Διονυσιος", "Γόνατο"),
    _declared("ISO_IR 127", "قباني^لنزار"),
    _declared("ISO_IR 138", "שרון^דבורה"),
    _declared("ISO_IR 144", "Жуков^Павел", "Снимок"),
    _declared("ISO_IR 148", "Çavuşoğlu^Gülşen"),
    _declared("ISO_IR 166", "ชื่อ^นามสกุล", "เข่า"),
    _declared("ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ", "ﾋｻﾞ"),
    _declared("ISO_IR 192", "王^小东=Wang^XiaoDong", "膝关节 CT"),
    _declared("GB18030", "王^誠=Wang^Cheng", "膝关节"),  # the second byte of 誠 is a backslash
    _declared("GBK", "王^誠", "膝关节"),
    _declared(["", "ISO 2022 IR 87"], _JAPANESE, "膝"),
    _declared(["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
    _declared(["", "ISO 2022 IR 149"], _KOREAN, "무릎"),
    _declared(["ISO 2022 IR 100", "ISO 2022 IR 144"], "Müller^Jörg=Жуков"),
]

_UTF_8 = "Müller^Jörg".encode()
_LATIN_1 = "Müller^Jörg".encode("latin-1")
_KANJI = b"Yamada=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"

_HANZI = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab"  # PS3.5 K.2

WRITTEN_SETS = [
    _written("Chinese by ISO 2022 IR 58", b"\\ISO 2022 IR 58", _HANZI, "Zhang^XiaoDong=张^小东"),
    _written("Japanese by three sets", b"\\ISO 2022 IR 87\\ISO 2022 IR 13", _KANJI, "Yamada=山田^太郎"),
]

WRONG_SETS = [
    _written("Latin-1, nothing declared", None, _LATIN_1, "Müller^Jörg"),
    _written("UTF-8, nothing declared", None, _UTF_8, "Müller^Jörg"),
    _written("UTF-8, ASCII declared", b"ISO_IR 6", _UTF_8, "Müller^Jörg"),
    _written("UTF-8, an unknown set declared", b"ISO_IR 999", _UTF_8, "Müller^Jörg"),
    _written("UTF-8, declared as UTF-8", b"UTF-8", _UTF_8, "Müller^Jörg"),
    _written("Latin-1, declared in a wrong spelling", b"ISO-IR 100", _LATIN_1, "Müller^Jörg"),
    _written("Latin-1, UTF-8 declared", b"ISO_IR 192", _LATIN_1, "Müller^Jörg"),
    _written("UTF-8, Greek declared", b"ISO_IR 126", "Жуков".encode(), "Жуков"),
    # Every reader of the source reads these letters, and the archive has filed the patient under them.
    _written("UTF-8, Latin-1 declared", b"ISO_IR 100", _UTF_8, "MÃ¼ller^JÃ¶rg"),
    _written("UTF-8 beside code extensions", b"ISO_IR 192\\ISO 2022 IR 87", _UTF_8, "Müller^Jörg"),
    _written("Japanese, only Latin-1 declared", b"ISO_IR 100", _KANJI, "Yamada=山田^太郎"),
    _written("Japanese, nothing declared", None, _KANJI, "Yamada=山田^太郎"),
]

NESTED = [
    OddHeader(
        "an item in a character set of its own",
        having(
            ProcedureCodeSequence=[
                item(
                    SpecificCharacterSet="ISO_IR 144",
                    CodeValue="1",
                    CodingSchemeDesignator="99L",
                    CodeMeaning="Снимок",
                )
            ]
        ),
        {"ProcedureCodeSequence": "1 99L Снимок", "PatientName": "Müller^Jörg"},
        conforms=True,
    )
]

LETTERS = (*CHARACTER_SETS, *WRITTEN_SETS, *WRONG_SETS, *NESTED)
