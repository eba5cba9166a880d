"""What is computed of one feature that is standardised, in plain integers, straight from the definitions."""

SCALES = {4: 18, 10: 16, 12: 13, 14: 10}  # w_bits by x_bits


def nearest(a, b):
    return (2 * a + b) // (2 * b)


def twin(public, column):
    """All integers of one feature, its counted values given, straight from their definitions in plain integers."""
    n, whole = len(column), len(column) * 4**public.x_bits
    mu = (sum(column) + n // 2) // n
    C = sum((x - mu) ** 2 for x in column)
    fitting = [e for e in range(public.cap + 1) if 4**e * C < whole]
    e = fitting[-1] if fitting else 0
    B = sum(x - mu for x in column)
    nu = (2**e * B + n // 2) // n
    m = 2**e * mu + nu
    values = [2**e * x - m for x in column]
    V = sum(x * x for x in values)
    spread = V + n * 4 ** max(0, public.x_bits - 5)
    D = nearest(public.amplitude, spread)
    rests = B + n // 2, sum(values) + n // 2, 2 * public.amplitude + spread - 2 * D * spread
    return {"mu": mu, "rho": rests[0], "C": C, "e": e, "nu": nu, "rho2": rests[1], "V": V, "D": D, "rem": rests[2]}
