"""Deletion certificates: what a proved unlearning says, as it is filed; compared with its proof, and attested."""
