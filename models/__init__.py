"""What is trained: encodings, fixed point and training algorithms, on plain integers. No cryptography."""
