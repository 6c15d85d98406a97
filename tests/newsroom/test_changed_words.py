"""What is shown between two texts."""

from digest.newsroom.changed_words import Kind, Passage, changed_words

OLD = "# Terms\n\nWe send what you asked for.\nYou may leave at any time.\n\nThe end."
NEW = "# Terms\n\nWe send what you asked us for.\nYou may leave at any time.\n\nBe kind.\nThe end."


def shown(passages: list[Passage]) -> list[str]:
    marks = {Kind.SAME: "", Kind.GONE: "-", Kind.NEW: "+"}
    return [
        " ".join(marks[piece.kind] + piece.text for piece in passage.pieces)
        for passage in passages
        if not passage.unchanged
    ]


def test_words_that_came_and_words_that_went_are_told() -> None:
    assert shown(changed_words(OLD, NEW)) == ["We send what you asked +us for.", "+Be kind."]
    assert shown(changed_words(NEW, OLD)) == ["We send what you asked -us for.", "-Be kind."]
    assert shown(changed_words("", OLD))[0].startswith("+# Terms")
    assert shown(changed_words("one two", "one three")) == ["one -two +three"]


def test_nothing_changed_is_said_so() -> None:
    assert all(passage.unchanged for passage in changed_words(OLD, OLD))
    assert changed_words("", "") == []


def test_texts_that_would_take_too_long_to_compare_are_shown_whole() -> None:
    one = "The same. " + " ".join(f"w{n % 300}" for n in range(3000)) + " The end."
    other = "The same. " + " ".join(f"w{n * 7 % 300}" for n in range(3000)) + " The end."
    [passage] = changed_words(one, other)
    kinds = [piece.kind for piece in passage.pieces]
    assert kinds == [Kind.SAME, Kind.GONE, Kind.NEW, Kind.SAME]
    assert passage.pieces[0].text == "The same. w0"
