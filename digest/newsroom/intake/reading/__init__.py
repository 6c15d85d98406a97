"""From the raw pieces of a feed's entry to an article's fields: rules without a parser's name.

Each file holds one field's rule: `markup` and `lines` (text), `standfirsts`, `bylines`, `sections`,
`picture_candidates` and `dates`. All take time in proportion to what they are given, and none
raises, whatever it is given.
"""
