import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.reading.sections import Category, section_and_topics


@pytest.mark.parametrize(
    ("categories", "section", "topics"),
    [
        (["Ports"], "Ports", ()),
        (["Ports", "Herring"], "Ports", ("Herring",)),
        (["Ports, Herring,  Tides"], "Ports", ("Herring", "Tides")),
        (["Ports; Herring"], "Ports", ("Herring",)),
        (["Food & Drink"], "Food & Drink", ()),
        (["https://halyard.example/ports", "Ports"], "Ports", ()),
        (["http://schemas.example/2007#kind", "www.halyard.example"], None, ()),
        (["Ports", "ports", "PORTS"], "Ports", ()),
        (["Uncategorized", "Ports"], "Ports", ()),
        (["Uncategorised"], None, ()),
        (["Non classé"], None, ()),
        (["Sin categoría", "Allgemein", "Без рубрики", "未分類", "Bez kategorii"], None, ()),
        (["42", "2026", "22/7"], None, ()),
        (["a81fc2d09b", "0b2f6a1e-7c1d-4f5e-9a51-0123456789ab"], None, ()),
        (["5G", "3D", "facade", "deadbeef"], "5G", ("3D", "facade", "deadbeef")),
        (["#ports"], "ports", ()),
        (["C#", "C++"], "C#", ("C++",)),
        (["", " ", ",,,"], None, ()),
        ([], None, ()),
    ],
)
def test_the_first_category_is_the_section(
    categories: list[str], section: str | None, topics: tuple[str, ...]
) -> None:
    assert section_and_topics([Category(text) for text in categories]) == (section, topics)


def test_tags_and_media_categories_come_behind() -> None:
    given_categories = [
        Category("Music", "media:category"),
        Category("herring", "post_tag"),
        Category("tides", "http://www.sixapart.com/ns/types#tag"),
        Category("Ports", "category"),
        Category("Fleet"),
    ]

    found = section_and_topics(given_categories)

    assert found == ("Ports", ("Fleet", "herring", "tides", "Music"))
    assert section_and_topics(given_categories[:2]) == ("herring", ("Music",))


def test_what_there_is_too_much_of_is_cut() -> None:
    section, topics = section_and_topics(Category(f"Topic {number}") for number in range(10_000))

    assert (section, len(topics)) == ("Topic 0", 20)
    section, _ = section_and_topics([Category("very " * 50_000 + "long")])
    assert section is not None
    assert len(section) <= 60


@given(st.lists(st.builds(Category, st.text(st.characters(exclude_categories=())), st.text())))
def test_any_categories_make_bounded_lines(categories: list[Category]) -> None:
    section, topics = section_and_topics(categories)

    assert len(topics) <= 20
    for name in (section or "x", *topics):
        assert 0 < len(name) <= 60
        name.encode()
