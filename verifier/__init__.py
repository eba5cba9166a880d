"""How it is checked. Needs numpy and the standard library, and cbor2 for files; never imports the prover."""
