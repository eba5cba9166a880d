"""How it is proved: the verifier's steps seen from the other side, on compiled kernels."""
