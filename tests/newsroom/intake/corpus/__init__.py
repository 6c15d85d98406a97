"""Feeds of our own, one or more for each point on which reading feeds goes wrong.

Each sample says what a reader of specifications expects of it: RSS 0.9x, 1.0 and 2.0, Atom (RFC
4287), JSON Feed, Media RSS, the iTunes and content modules, WHATWG Encoding, RFC 2822 and 3339.
"""

from itertools import chain

from tests.newsroom.intake.corpus import (
    addresses,
    atom_links,
    bylines,
    charsets,
    dates,
    ill_formed,
    json_feeds,
    markup,
    namespaces,
    pictures,
    refusals,
    sections,
    standfirsts,
    summaries,
)
from tests.newsroom.intake.corpus.samples import Sample

__all__ = ["SAMPLES"]

SAMPLES: tuple[Sample, ...] = tuple(
    chain.from_iterable(
        module.SAMPLES
        for module in (
            *(charsets, ill_formed, summaries, namespaces, markup, atom_links, standfirsts, dates),
            *(pictures, bylines, sections, json_feeds, refusals, addresses),
        )
    )
)
