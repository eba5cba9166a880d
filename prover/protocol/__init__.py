"""The steps of verifier/protocol, at the prover's end; same file names, same order."""
