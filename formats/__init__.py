"""How things are written: fields, CBOR, containers, TOML, files, lists. Knows no statement."""
