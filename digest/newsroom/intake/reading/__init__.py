"""Reading feeds: from bytes to entries, without the network and without the database.

Entered by `feeds.read_feed`. `charsets`, then `xml_repair` and `elements` for XML or `json_feed`
for JSON, then `entries`. The rest hold one field's rule each: `markup` and `lines` (text),
`standfirsts`, `bylines`, `sections`, `picture_candidates`, `dates`. All take time in proportion to
what they are given, and none raises, whatever it is given.
"""
