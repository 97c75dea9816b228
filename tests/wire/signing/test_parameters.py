import pytest

from batchite.wire.signing.parameters import ParameterError, check


@pytest.mark.parametrize("pair", [("a\n", "1"), ("a\r", "1"), ("a", "1\nb:2"), ("a", "\r"), ("a", "1\n")])
@pytest.mark.parametrize("covered", [None, frozenset[str]()])
def test_line_breaks_are_refused_wherever_they_are(
    pair: tuple[str, str], covered: frozenset[str] | None
) -> None:
    """Those that a signature does not cover could still join two that it does."""
    with pytest.raises(ParameterError, match="has a line break"):
        check([("b", "2"), pair], covered)


def test_a_name_has_no_colon_and_a_value_may() -> None:
    check([("se", "2026-01-01T12:00:00Z")])
    with pytest.raises(ParameterError, match="has a colon in its name"):
        check([("prefix:a", "b")])


def test_names_that_no_signature_covers_may_be_given_again() -> None:
    pairs = [("sig", "1"), ("timeout", "1"), ("TimeOut", "2")]
    check(pairs, {"sig"})
    for covered in (None, {"timeout"}):
        with pytest.raises(ParameterError, match="TimeOut is given more than once") as refused:
            check(pairs, covered)
        assert (refused.value.name, refused.value.value) == ("TimeOut", "2")
