"""Compiled inner loops (numba): exponentials of inner products, and their weighted sums.

Every loop works in the number type of its arrays: float32, or float64 where the duals are so large
that rounding would show. The loops release the interpreter's lock and start no threads of their
own. ``reassoc`` lets the compiler sum in as many lanes as the machine has; the order of a sum is
fixed when a loop is compiled, so results repeat bit for bit on one machine.
"""

import numba
import numpy as np
from numba.extending import overload

#: Without the flags of NaN and infinity: exponents are clamped, inputs were checked to be finite.
FAST = {"reassoc", "contract", "nsz", "nnan", "ninf", "arcp"}

#: Columns of duals that are summed at once, in registers. One-vs-rest has one, or three and more.
COLUMNS = 3


def compiled(function):
    """Compile a loop; what was compiled is kept on disk, so that only the first process waits.

    The files lie beside the module, or in the user's cache folder where that cannot be written;
    where neither can, each process compiles again.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": FAST}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder to write to
        return numba.njit(**options)(function)


def exp2(t):
    """``2**t`` for t <= 0: in compiled code, one of the two polynomials below."""
    return np.exp2(t)


@overload(exp2, jit_options={"fastmath": FAST})
def _exp2(t):
    """Split t into an integer, which goes to the exponent's bits, and a rest f in [-1/2, 1/2].

    The polynomials are minimax fits of the relative error of ``2**f`` with the exact value at 0;
    they and the rounding are off by 2e-7 of the value in float32, by 2e-14 + rounding in float64.
    """
    if t == numba.float32:

        def single(t):
            t = max(t, np.float32(-126))
            whole = np.int32(t - np.float32(0.5))
            f = t - np.float32(whole)
            p = np.float32(0.0013264726899154117)
            p = p * f + np.float32(0.009671512660565314)
            p = p * f + np.float32(0.055507337442443155)
            p = p * f + np.float32(0.24022242084919196)
            p = p * f + np.float32(0.6931469775984717)
            p = p * f + np.float32(1)
            bits = np.float32(p).view(np.int32) + (whole << np.int32(23))
            return np.int32(bits).view(np.float32)

        return single

    def double(t):
        t = max(t, -1022.0)
        whole = np.int32(t - 0.5)
        f = t - np.float64(whole)
        p = 1.0148582474433024e-07
        p = p * f + 1.3258332694577116e-06
        p = p * f + 1.5252988593394967e-05
        p = p * f + 0.0001540344089684077
        p = p * f + 0.001333355762826477
        p = p * f + 0.00961812918114728
        p = p * f + 0.05550410866839481
        p = p * f + 0.2402265069572289
        p = p * f + 0.6931471805598842
        p = p * f + 1.0
        bits = np.float64(p).view(np.int64) + (np.int64(whole) << np.int64(52))
        return np.int64(bits).view(np.float64)

    return double


@compiled
def sum_interpolated(products, bias, rows, cols, norms, coef, out):
    """Add a block of support vectors to the decisions of a strip of pixels of one map.

    For a row of pixels the inner products of two cell rows are interpolated into one; for each
    pixel they are interpolated across, exponentiated, multiplied by the duals and summed, without
    a kernel value leaving the processor's cache.

    Parameters
    ----------
    products : ndarray, shape (h, w, b)
        Inner products of cells and support vectors, as exponents of two.
    bias : ndarray, shape (b,)
        Squared norm of each support vector, as a (negative) exponent.
    rows, cols : Axis
        Of the strip's rows and columns of pixels.
    norms : ndarray, shape (rows, W)
        Squared norms of the pixels, as (positive) exponents.
    coef : ndarray, shape (k, b)
        The duals; k is a multiple of `COLUMNS`.
    out : ndarray, shape (rows, W, k), float64
    """
    width, block = products.shape[1:]
    between = np.empty((width, block), products.dtype)
    kernel = np.empty(block, products.dtype)
    top, bottom, down = rows
    left, right, across = cols
    for r in range(len(top)):
        upper, lower, v = products[top[r]], products[bottom[r]], down[r]
        for c in range(width):
            one, other, line = upper[c], lower[c], between[c]
            for j in range(block):
                line[j] = one[j] + v * (other[j] - one[j]) + bias[j]
        for x in range(len(left)):
            one, other, u, norm = between[left[x]], between[right[x]], across[x], norms[r, x]
            c0, c1, c2 = coef[0], coef[1], coef[2]
            s0 = s1 = s2 = products.dtype.type(0)
            for j in range(block):
                value = exp2(one[j] + u * (other[j] - one[j]) - norm)
                kernel[j] = value
                s0 += value * c0[j]
                s1 += value * c1[j]
                s2 += value * c2[j]
            out[r, x, 0] += s0
            out[r, x, 1] += s1
            out[r, x, 2] += s2
            add_columns(kernel, coef, COLUMNS, out[r, x])


@compiled
def add_columns(kernel, coef, start, out):
    """Add ``coef[k] @ kernel`` to ``out[k]`` for all k from `start` on."""
    for k in range(start, len(coef), COLUMNS):
        c0, c1, c2 = coef[k], coef[k + 1], coef[k + 2]
        s0 = s1 = s2 = kernel.dtype.type(0)
        for j in range(len(kernel)):
            s0 += kernel[j] * c0[j]
            s1 += kernel[j] * c1[j]
            s2 += kernel[j] * c2[j]
        out[k] += s0
        out[k + 1] += s1
        out[k + 2] += s2


@compiled
def add_interpolated(products, rows, cols, exponents):
    """Add one map's inner products, interpolated, to the exponents of a strip (rows, W, b)."""
    width, block = products.shape[1:]
    between = np.empty((width, block), products.dtype)
    top, bottom, down = rows
    left, right, across = cols
    for r in range(len(top)):
        upper, lower, v = products[top[r]], products[bottom[r]], down[r]
        for c in range(width):
            one, other, line = upper[c], lower[c], between[c]
            for j in range(block):
                line[j] = one[j] + v * (other[j] - one[j])
        for x in range(len(left)):
            one, other, u, line = between[left[x]], between[right[x]], across[x], exponents[r, x]
            for j in range(block):
                line[j] += one[j] + u * (other[j] - one[j])


@compiled
def sum_rows(products, bias, norms, coef, out):
    """Add a block of support vectors to the decisions of some vectors.

    Parameters
    ----------
    products : ndarray, shape (n, b)
    bias, coef
        As in `sum_interpolated`.
    norms : ndarray, shape (n,)
    out : ndarray, shape (n, k), float64
    """
    kernel = np.empty(products.shape[1], products.dtype)
    for i in range(len(products)):
        line, norm = products[i], norms[i]
        for j in range(len(kernel)):
            kernel[j] = exp2(line[j] + bias[j] - norm)
        add_columns(kernel, coef, 0, out[i])


@compiled
def sum_direct(X, support, coef, out):
    """As `sum_rows`, from differences: exact where there are few features, and no detour there.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Scaled so that squared distances are exponents of two.
    support : ndarray, shape (d, b)
        Scaled likewise.
    coef, out
        As in `sum_rows`.
    """
    kernel = np.empty(support.shape[1], support.dtype)
    for i in range(len(X)):
        direct_exponents(X[i], support, kernel)
        for j in range(len(kernel)):
            kernel[j] = exp2(kernel[j])
        add_columns(kernel, coef, 0, out[i])


@compiled
def direct_exponents(x, support, exponents):
    """Minus the squared distances of one vector (d,) to the columns of `support` (d, b)."""
    exponents[:] = 0
    for c in range(len(x)):
        value, line = x[c], support[c]
        for j in range(len(exponents)):
            difference = value - line[j]
            exponents[j] -= difference * difference


@compiled
def gaussian(products, norms_a, norms_b, gamma):
    """Turn inner products (a, b) of vectors into kernel values, in place.

    Parameters
    ----------
    products : ndarray, shape (a, b), float32 or float64
    norms_a, norms_b : ndarray, shapes (a, 1) and (b,), float64
        Squared norms of the vectors.
    gamma : float
    """
    factor = gamma * np.log2(np.e)
    bias = (-factor * norms_b).astype(products.dtype)
    double = products.dtype.type(2 * factor)
    for i in range(len(products)):
        line, norm = products[i], products.dtype.type(factor * norms_a[i, 0])
        for j in range(len(bias)):
            line[j] = exp2(min(double * line[j] + bias[j] - norm, products.dtype.type(0)))
    return products


@compiled
def combine(cell_products, corners_a, weights_a, corners_b, weights_b):
    """Inner products of pixels from those of cells.

    Parameters
    ----------
    cell_products : ndarray, shape (m, m), float32 or float64
    corners_a, corners_b : ndarray, shapes (a, 4) and (b, 4), int32
        The cells round each pixel.
    weights_a, weights_b : ndarray, same shapes, float32

    Returns
    -------
    ndarray, shape (a, b), of the cell products' dtype
    """
    result = np.empty((len(corners_a), len(corners_b)), cell_products.dtype)
    line = np.empty(len(cell_products), cell_products.dtype)
    for i in range(len(corners_a)):
        near, w = corners_a[i], weights_a[i]
        r0, r1 = cell_products[near[0]], cell_products[near[1]]
        r2, r3 = cell_products[near[2]], cell_products[near[3]]
        for c in range(len(line)):
            line[c] = w[0] * r0[c] + w[1] * r1[c] + w[2] * r2[c] + w[3] * r3[c]
        for j in range(len(corners_b)):
            total = cell_products.dtype.type(0)
            for k in range(4):
                total += weights_b[j, k] * line[corners_b[j, k]]
            result[i, j] = total
    return result
