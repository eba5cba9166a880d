"""The protocol for any relation, at the verifier's end. An auditor reads this once."""
