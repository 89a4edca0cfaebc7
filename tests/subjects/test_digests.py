"""Digests of names and numbers."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from blacklist_service.subjects.digests import Digester


@given(st.binary(max_size=100), st.text(), st.text())
def test_a_digest_is_the_first_half_of_an_hmac(key, tag, part):
    message = f"{len(tag)}:{tag}{len(part)}:{part}".encode()
    assert Digester(key).of(tag, part) == hmac.digest(key, message, "sha256")[:16]


parts = st.lists(st.text("1:\x1f,a张", max_size=4), min_size=1, max_size=3)


@given(parts, parts)
def test_only_equal_parts_have_equal_digests(one, other):
    digester = Digester(b"k" * 32)
    assert (digester.of(*one) == digester.of(*other)) == (one == other)


def test_a_digest_leaves_the_digester_as_it_was():
    digester = Digester(b"k" * 32)
    assert digester.of("name", "张三") == digester.of("name", "张三")
    assert digester.of("name", "张三") != Digester(b"l" * 32).of("name", "张三")


def test_text_that_cannot_be_encoded_has_a_digest_too():
    assert len(Digester(b"").of("name", "\ud800")) == 16
