"""Who says so: keys, signatures and signed envelopes. Whoever asks for no signature needs nothing of it."""
