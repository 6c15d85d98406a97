"""Reading feeds: from bytes to entries, without the network and without the database.

Entered by `feeds.read_feed`. `charsets`, then `xml_repair` and `elements` for XML or `json_feed`
for JSON, then `entries`; the rest are the rules for one field each.
"""
