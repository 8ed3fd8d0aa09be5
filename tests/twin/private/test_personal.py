"""Numbers of many countries: what the libraries decide, and what this project asks of them."""

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from stdnum import numdb
from stdnum.iso7064 import mod_97_10

from twin.private.personal import find_personal

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def found(text: str, *, code: bool = False) -> list[tuple[str, str]]:
    return [(span.name, text[span.start : span.end]) for span in find_personal(text, code=code)]


@pytest.mark.parametrize("kind", [PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE])
def test_a_number_of_every_country_is_found(kind: int) -> None:
    looked_for = 0
    for region in REGIONS:
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        for form in (PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164):
            written = phonenumbers.format_number(number, form)
            if sum(map(str.isdigit, written)) < 8:
                continue  # two islands of the South Atlantic
            assert found(f"Call me: {written} or write.") == [("PHONE", written)], region
            looked_for += 1
    assert looked_for > 470


@pytest.mark.parametrize(
    "written",
    [
        "+49 (0)30 / 90 18 20", "0049 30 901820", "+44 (0)20 7946 0958", "+44 7700 900123", "+39 (0)6 6988 1234",
        "+1 (415) 555-2671", "+52 55 1234 5678", "+55 11 8123-4567", "+91 0 98765 43210", "+7 8 495 123 45 67",
        "+36-30-123-4567", "+977 984-1234567", "+86 138 0013 8000", "+247 40123", "+44 07700 900123",
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(written: str) -> None:
    assert found(f"Write to {written} or so.") == [("PHONE", written)]


@pytest.mark.parametrize("text", ["+52 1 55 1234 5678", "+225 07 12 34 56"])
def test_a_number_of_an_old_plan_needs_a_word(text: str) -> None:
    assert found(f"Tel.: {text}") == [("PHONE", text)]
    assert found(f"It is {text} there.") == []


@pytest.mark.parametrize(
    "text",
    [
        "00c0  00 32 00 00 00 64 00 00  00 72", "moved by +2 012 345 units", "it is +999 123 456 789 wide",
        "at +0 123 456 7890", "range 0012345678 to 0098765432", "+7.123456 of it", "temperature +15 000 000 K",
    ],
)  # fmt: skip
def test_digits_of_no_countrys_length_stay(text: str) -> None:
    assert found(text) == []


def test_an_account_of_every_country_of_the_registry_is_found() -> None:
    database = numdb.get("iban")
    letters = [chr(code) for code in range(ord("A"), ord("Z") + 1)]
    countries = {
        code: entry["bban"]
        for code in (first + second for first in letters for second in letters)
        if (entry := database.info(code)[0][1])
    }
    assert len(countries) >= 89
    for country, form in countries.items():
        body = "".join({"n": "1", "a": "A", "c": "0"}[kind] * int(count) for count, kind in _parts(form))
        account = country + mod_97_10.calc_check_digits(f"{body}{country}") + body
        spaced = " ".join(account[start : start + 4] for start in range(0, len(account), 4))
        for written in (account, spaced, spaced.replace(" ", "\u00a0")):
            assert found(f"to {written}, please") == [("IBAN", written)], country
        wrong = account[:2] + f"{(int(account[2:4]) + 1) % 97:02}" + account[4:]
        assert ("IBAN", wrong) not in found(f"to {wrong}, please"), country


def _parts(form: str) -> list[tuple[str, str]]:
    """ "8!n10!n" as [("8", "n"), ("10", "n")]."""
    pieces = form.split("!")
    counts = [pieces[0], *(piece[1:] for piece in pieces[1:-1])]
    return [(count, piece[0]) for count, piece in zip(counts, pieces[1:], strict=True)]


@pytest.mark.parametrize(
    "card",
    [
        "4111 1111 1111 1111", "5555 5555 5555 4444", "3782 822463 10005", "6011 1111 1111 1117",
        "3530 1113 3330 0000", "3056 930902 5904", "6200 0000 0000 0005",
    ],
)  # fmt: skip
def test_cards_of_every_kind_and_their_check_digit(card: str) -> None:
    assert found(f"My card {card} was charged.") == [("CARD", card)]
    wrong = card[:-1] + str((int(card[-1]) + 1) % 10)
    assert found(f"My card {wrong} was charged.") == []
