"""Versions of sets: what a version is made of must never change by accident, or every store would be built anew."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from twin.identity import data_version

NAMES = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), max_size=4)


@given(st.lists(st.tuples(NAMES, NAMES)), st.randoms())
def test_a_data_version_is_a_hash_of_the_sorted_pairs_in_whatever_order_they_come(pairs, random) -> None:
    lines = "".join(f"{identifier}\x1f{content}\n" for identifier, content in sorted(pairs))
    expected = hashlib.sha256(f"model\x1f{lines}".encode()).hexdigest()
    random.shuffle(pairs)
    assert data_version(pairs, "model") == expected


def test_a_data_version_depends_on_ids_contents_and_context() -> None:
    versions = [data_version([("a", "1")]), data_version([("b", "1")]), data_version([("a", "2")])]
    versions += [data_version([("a", "1")], "model"), data_version([])]
    assert len(set(versions)) == len(versions)
